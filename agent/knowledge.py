"""The knowledge base as the settings want it: opened for calls, built, changed under calls in progress."""

import asyncio
import hashlib
import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agent.costs import FILE as COSTS
from agent.costs import Costs
from agent.metered import metered_embedder
from agent.ports import Embedder
from agent.settings import Settings
from kb.building import CURRENT, Built, Progress, VectorStore, Workshop
from kb.dense import DenseSearch
from kb.hashing import HashEmbedder
from kb.index import Index
from kb.library import Library
from kb.live import Knowledge
from kb.meanings import WordVectors
from kb.retriever import KnowledgeBase
from kb.terms import Terms, user_table
from kb.vectors import LocalStore, Matrix

log = logging.getLogger(__name__)

MANY = 2000
"""Sections whose index takes seconds to make at each start."""


def new_library(settings: Settings) -> Library:
    """Where the texts lie: Russian in ``kb.dir`` itself, another language in a folder of its name."""
    folder = settings.kb.dir if settings.language == "ru" else settings.kb.dir / settings.language
    return Library(folder, settings.kb.general, settings.kb.tech)


def new_embedder(settings: Settings, terms: Terms, costs: Costs | None = None) -> Embedder | None:
    """The embedder of ``embed.engine``, behind its cache where it is worth one; ``costs`` counts one that is paid."""
    embed = settings.embed
    if embed.engine == "none":
        return None
    if embed.engine == "hash":
        return HashEmbedder(terms, WordVectors.load(settings.language))
    if embed.engine == "use":
        from agent.backends.embed_use import UseEmbedder  # noqa: PLC0415

        return UseEmbedder()
    from kb.embedding_cache import MOST, CachedEmbedder, VectorCache  # noqa: PLC0415

    embedder: Embedder
    if embed.engine == "openai":
        embedder = metered_embedder(_of_server(settings), embed.model, costs)
    else:
        from agent.backends.embed_sentence import SentenceTransformerEmbedder  # noqa: PLC0415

        embedder = SentenceTransformerEmbedder(embed.path)
    cache: VectorCache
    url = settings.redis.url.get_secret_value()
    if url:
        from agent.backends.cache_redis import RedisCache  # noqa: PLC0415

        cache = RedisCache(url)
    else:
        from agent.backends.cache_sqlite import SqliteCache  # noqa: PLC0415

        cache = SqliteCache(settings.storage.dir / "embeddings.sqlite", "vectors", MOST)
    return CachedEmbedder(embedder, cache)


def _of_server(settings: Settings) -> Embedder:
    from agent.backends.embed_openai import OpenAiEmbedder  # noqa: PLC0415

    embed = settings.embed
    ours = not embed.api_key.get_secret_value() and not embed.base_url
    key = settings.llm.api_key if ours else embed.api_key
    return OpenAiEmbedder(embed, key.get_secret_value())


def new_store(settings: Settings) -> VectorStore:
    """Where vectors lie; ``auto`` is the file: quicker and smaller than Chroma at every size measured."""
    if settings.kb.store == "chroma":
        from agent.backends.vectors_chroma import ChromaStore  # noqa: PLC0415

        return ChromaStore(settings.kb.chroma_dir or settings.storage.dir / "chroma")
    return LocalStore()


def new_workshop(settings: Settings, costs: Costs | None = None) -> Workshop:
    """What builds the index of the language; its folder is named after the texts' own."""
    terms, library = Terms(settings.language, user_table(settings.kb.dir, settings.language)), new_library(settings)
    embedder = new_embedder(settings, terms, costs)
    return Workshop(_builds(settings), library, terms, embedder, new_store(settings), settings.kb.backups)


def _builds(settings: Settings) -> Path:
    place = hashlib.sha256(str(new_library(settings).folder.absolute()).encode()).hexdigest()[:8]
    return settings.storage.dir / "kb" / f"{settings.language}-{place}"


def pointer(settings: Settings) -> Path:
    """The file that names the build in use; it is replaced by each build, whoever makes it."""
    return _builds(settings) / CURRENT


def built_version(settings: Settings) -> str:
    """``Knowledge.version`` of the build that the pointer names; empty where it can't be told."""
    at = pointer(settings)
    try:
        manifest = at.parent / at.read_text(encoding="utf-8").strip() / "manifest.json"
        return _version(json.loads(manifest.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return ""


def open_knowledge(settings: Settings, costs: Costs | None = None) -> Knowledge:
    """The index built of today's texts; without one it is made in memory. Raises ``StartError`` for bad texts."""
    shop = new_workshop(settings, costs)
    built = shop.current()
    if built is None or not shop.fresh(built) or built.manifest.store != shop.store.name:
        return _unbuilt(settings, shop)
    return Knowledge(_base(settings, shop, built), _version(asdict(built.manifest)))


def _base(settings: Settings, shop: Workshop, built: Built) -> KnowledgeBase:
    dense = None
    if built.vectors is not None and shop.embedder is not None:
        dense = DenseSearch(built.vectors, shop.embedder, settings.embed.timeout_ms / 1000)
    kb = settings.kb
    _warm(shop.terms)
    return KnowledgeBase(
        built.sections,
        shop.terms,
        kb.top_k,
        kb.fallback_threshold,
        dense,
        index=built.index,
        embedder=shop.embedder,
    )


def _warm(terms: Terms) -> None:
    """Load what a first question would wait for."""
    terms.light("раз")


def _unbuilt(settings: Settings, shop: Workshop) -> Knowledge:
    """Nothing was built, or the texts have changed since."""
    sections, kb = shop.library.sections(), settings.kb
    if len(sections) > MANY:
        log.warning("kb: %d sections are indexed now; `allo kb build` spares this at each start", len(sections))
    dense = None
    if isinstance(shop.embedder, HashEmbedder) and shop.store.name == "local":
        rows = shop.embedder.rows([section.enriched for section in sections])
        dense = DenseSearch(Matrix(rows), shop.embedder)
    elif shop.embedder is not None:
        log.warning("kb: there are no vectors of today's texts, words alone are searched; run `allo kb build`")
    _warm(shop.terms)
    index = Index.build(sections, shop.terms)
    base = KnowledgeBase(
        sections, shop.terms, kb.top_k, kb.fallback_threshold, dense, index=index, embedder=shop.embedder
    )
    return Knowledge(base, _version([shop.library.checksums(), shop.terms.checksum, bool(dense)]))


def _version(made_of: Any) -> str:
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:16]


async def adopt(knowledge: Knowledge, settings: Settings, costs: Costs | None = None) -> int:
    """Calls in progress use what was built from their next question on; how many sections.

    Raises ``StartError`` or ``KnowledgeError``, and ``knowledge`` is what it was.
    """
    if costs is not None:
        costs.look_again()  # who built has counted, too
    fresh = await asyncio.to_thread(open_knowledge, settings, costs)
    knowledge.swap(fresh.base, fresh.version)
    return len(fresh.base.sections)


async def build_once(settings: Settings, progress: Progress) -> tuple[Built, Path]:
    """One build with an embedder of its own; what was built, and the folder of the builds. What it costs is counted."""
    costs = Costs(settings.costs, settings.storage.dir / COSTS)
    shop = new_workshop(settings, costs)
    try:
        return await shop.build(progress), shop.folder
    finally:
        if shop.embedder is not None:
            await shop.embedder.close()
        await costs.close()
