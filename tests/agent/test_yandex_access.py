from pathlib import Path

import pytest
from pydantic import SecretStr

from agent.settings import Yandex

grpc = pytest.importorskip("grpc")

from agent.backends.yandex_access import YandexAccess, new_channel  # noqa: E402

KEY, IAM = SecretStr("AQVNkey"), SecretStr("t1.9euetoken")


@pytest.mark.parametrize(
    ("yandex", "kind", "metadata", "lacks"),
    [
        (Yandex(), "none", (), "set [yandex] api_key"),
        (Yandex(api_key=KEY), "api-key", (("authorization", "Api-Key AQVNkey"),), ""),
        (Yandex(api_key=KEY, folder_id="b1g"), "api-key", (("authorization", "Api-Key AQVNkey"),), "not used"),
        (
            Yandex(iam_token=IAM, folder_id="b1g"),
            "iam-token",
            (("authorization", "Bearer t1.9euetoken"), ("x-folder-id", "b1g")),
            "",
        ),
        (Yandex(iam_token=IAM), "iam-token", (("authorization", "Bearer t1.9euetoken"),), "folder_id"),
        (Yandex(api_key=IAM), "iam-token", (("authorization", "Bearer t1.9euetoken"),), "folder_id"),
        (Yandex(iam_token=KEY), "api-key", (("authorization", "Api-Key AQVNkey"),), ""),
        (Yandex(api_key=SecretStr("y0_AgAAAA")), "oauth-token", (), "OAuth token is not accepted"),
    ],
)
async def test_what_it_is_and_what_it_lacks(
    yandex: Yandex, kind: str, metadata: tuple[tuple[str, str], ...], lacks: str
) -> None:
    credentials = await YandexAccess(yandex).credentials()
    assert credentials.kind == kind
    assert credentials.metadata == metadata
    assert lacks in credentials.lacks
    assert bool(credentials.lacks) == bool(lacks)
    assert credentials.usable == bool(metadata)


async def test_a_token_in_a_file_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "token"
    access = YandexAccess(Yandex(iam_token_file=file, api_key=KEY))
    assert (await access.credentials()).kind == "none"
    file.write_text("t1.one\n")
    assert (await access.credentials()).authorization == "Bearer t1.one"
    file.write_text("t1.two\n")
    assert (await access.credentials()).authorization == "Bearer t1.two"


async def test_refusals_are_explained_and_the_secret_is_never_shown() -> None:
    iam = await YandexAccess(Yandex(iam_token=IAM)).credentials()
    key = await YandexAccess(Yandex(api_key=KEY)).credentials()
    code = grpc.StatusCode
    assert "folder_id" in iam.explain(code.UNAUTHENTICATED, "You have to specify folder ID for user account")
    assert "12 hours" in iam.explain(code.UNAUTHENTICATED, "The token has expired t1.9euetoken")
    assert "deleted" in key.explain(code.UNAUTHENTICATED, "Unknown api key 'AQVN****key'")
    assert "role" in key.explain(code.PERMISSION_DENIED, None)
    assert "quota" in key.explain(code.RESOURCE_EXHAUSTED, "")
    assert key.explain(code.UNAVAILABLE, "AQVNkey") == "unavailable"
    assert "AQVN" not in repr(key)
    assert "t1." not in repr(iam)


async def test_channels_are_made_for_both_kinds_of_address() -> None:
    for address in ("https://stt.api.cloud.yandex.net:443", "http://127.0.0.1:1"):
        channel = new_channel(address)
        assert isinstance(channel, grpc.aio.Channel)
        await channel.close()
