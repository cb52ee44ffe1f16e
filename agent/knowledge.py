"""The knowledge base as the settings want it: opened for calls, built, changed under calls in progress."""

import asyncio
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agent.costs import Costs, counted
from agent.errors import StartError
from agent.metered import metered_embedder
from agent.ports import Embedder
from agent.settings import Settings
from kb import encoded
from kb.building import CURRENT, Built, Progress, VectorStore, Workshop
from kb.dense import DenseSearch
from kb.encoded import Encoder, LineSearch
from kb.hashing import HashEmbedder
from kb.index import Index
from kb.ingest import Section
from kb.library import Library
from kb.live import Knowledge
from kb.meanings import WordVectors
from kb.retriever import KnowledgeBase
from kb.terms import Terms, user_table
from kb.vectors import LocalStore, Matrix

log = logging.getLogger(__name__)

INSTEAD = "An older index answers: mend the file or remove it, then `allo kb build`"
MANY = 2000
"""Sections whose index takes seconds to make at each start."""
AT_START = 150_000
"""Characters that the sentence encoder reads within three seconds."""


def new_library(settings: Settings) -> Library:
    """Where the texts lie: Russian in ``kb.dir`` itself, another language in a folder of its name."""
    folder = settings.kb.dir if settings.language == "ru" else settings.kb.dir / settings.language
    return Library(folder, settings.kb.general, settings.kb.tech)


def new_embedder(settings: Settings, terms: Terms, costs: Costs | None = None) -> Embedder | None:
    """The embedder of ``embed.engine``, behind its cache where it is worth one; ``costs`` counts one that is paid."""
    embed = settings.embed
    if embed.engine == "none":
        return None
    if embed.engine in ("hash", "use"):
        return HashEmbedder(terms, WordVectors.load(settings.language))
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


def new_encoder(settings: Settings) -> Encoder | None:
    """What reads every line beside the embedder; raises ``StartError`` where its package is missing."""
    if settings.embed.engine != "use":
        return None
    from agent.backends.embed_use import UseEmbedder  # noqa: PLC0415

    return UseEmbedder()


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
    encoder, backups = new_encoder(settings), settings.kb.backups
    return Workshop(_builds(settings), library, terms, embedder, new_store(settings), backups, encoder)


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


def open_knowledge(settings: Settings, costs: Costs | None = None, *, older: bool = False) -> Knowledge:
    """The index built of today's texts; without one it is made in memory. Raises ``StartError`` for bad texts.

    ``older``: where there is an index of texts of before, it is taken in place of bad ones; ``Knowledge.fault`` tells.
    """
    shop = new_workshop(settings, costs)
    built = shop.current()
    try:
        if built is None or not shop.fresh(built):
            return _unbuilt(settings, shop, shop.library.sections(), shop.library.checksums())
    except StartError as error:
        if built is None or not older:
            raise
        return _older(settings, shop, built, f"{error}. {INSTEAD}")
    return _as_built(settings, shop, built)


def _older(settings: Settings, shop: Workshop, built: Built, fault: str) -> Knowledge:
    log.error("%s", fault)
    made = built.manifest
    same = (made.tables, made.embedder) == (shop.terms.checksum, shop.embedder.name if shop.embedder else "")
    known = _as_built(settings, shop, built) if same else _unbuilt(settings, shop, built.sections, made.sources)
    known.fault = fault
    return known


def _as_built(settings: Settings, shop: Workshop, built: Built) -> Knowledge:
    if built.manifest.store != shop.store.name:
        return _unbuilt(settings, shop, built.sections, built.manifest.sources)
    return Knowledge(_base(settings, shop, built), _version(asdict(built.manifest)))


def _base(settings: Settings, shop: Workshop, built: Built) -> KnowledgeBase:
    dense = None
    if built.vectors is not None and shop.embedder is not None:
        dense = DenseSearch(built.vectors, shop.embedder, settings.embed.timeout_ms / 1000)
    kb = settings.kb
    lines = None
    if built.encoded and shop.encoder:
        lines = LineSearch(built.encoded, shop.encoder)
        shop.encoder.rows(["раз"])  # it is loaded now, not while a first question waits
    base = KnowledgeBase(
        built.sections,
        shop.terms,
        kb.top_k,
        kb.fallback_threshold,
        dense,
        index=built.index,
        embedder=shop.embedder,
        encoded=lines,
    )
    base.warm()
    return base


def _unbuilt(settings: Settings, shop: Workshop, sections: Sequence[Section], sources: Mapping[str, str]) -> Knowledge:
    """Nothing was built, or what the index is made of has changed since."""
    kb = settings.kb
    if len(sections) > MANY:
        log.warning("kb: %d sections are indexed now; `allo kb build` spares this at each start", len(sections))
    dense = None
    if isinstance(shop.embedder, HashEmbedder) and shop.store.name == "local":
        rows = shop.embedder.rows([section.enriched for section in sections])
        dense = DenseSearch(Matrix(rows), shop.embedder)
    elif shop.embedder is not None:
        log.warning("kb: there are no vectors of today's texts, words alone are searched; run `allo kb build`")
    index, lines = Index.build(sections, shop.terms), _encoded_now(shop.encoder, sections)
    base = KnowledgeBase(
        sections, shop.terms, kb.top_k, kb.fallback_threshold, dense, index=index, embedder=shop.embedder, encoded=lines
    )
    base.warm()
    return Knowledge(base, _version([sources, shop.terms.checksum, bool(dense), bool(lines)]))


def _encoded_now(encoder: Encoder | None, sections: Sequence[Section]) -> LineSearch | None:
    """The lines of a small base, read by the sentence encoder while the start waits for it."""
    if encoder is None:
        return None
    if sum(len(section.enriched) for section in sections) > AT_START:
        log.warning("kb: the sentence encoder has not read today's texts and is not asked; run `allo kb build`")
        return None
    return LineSearch(encoded.encode(sections, encoder.rows), encoder)


def _version(made_of: Any) -> str:
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:16]


async def adopt(knowledge: Knowledge, settings: Settings, costs: Costs | None = None) -> int:
    """Calls in progress use what was built from their next question on; how many sections.

    Raises ``StartError`` or ``KnowledgeError``, and ``knowledge`` is what it was.
    """
    if costs is not None:
        costs.look_again()  # who built has counted, too
    fresh = await asyncio.to_thread(open_knowledge, settings, costs)
    knowledge.take(fresh)
    return len(fresh.base.sections)


async def build_once(settings: Settings, progress: Progress) -> tuple[Built, Path]:
    """One build with an embedder of its own; what was built, and the folder of the builds. What it costs is counted."""
    async with counted(settings.costs, settings.storage.dir) as costs:
        shop = new_workshop(settings, costs)
        try:
            return await shop.build(progress), shop.folder
        finally:
            if shop.embedder is not None:
                await shop.embedder.close()
