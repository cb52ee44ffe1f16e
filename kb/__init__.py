"""Knowledge: the texts, how they are cut, indexed and found."""
