"""Where it happened: URLs, addresses, hosts, paths. Public services and the kind of thing asked for carry meaning."""

from __future__ import annotations

from knowledge.signature.numbers import WELL_KNOWN_ADDRESSES
from knowledge.signature.patterns import Match, pattern, words

#: Public services whose name in a failure says whose fault it may be.
_PUBLIC_SUFFIXES = tuple(
    sorted(
        words(
            "huggingface.co hf.co openai.com anthropic.com cohere.ai mistral.ai groq.com together.xyz "
            "openrouter.ai replicate.com github.com githubusercontent.com ghcr.io gitlab.com bitbucket.org "
            "docker.io docker.com quay.io gcr.io pkg.dev nvcr.io mcr.microsoft.com k8s.io "
            "pytorch.org anaconda.org anaconda.com yarnpkg.com maven.org apache.org "
            "rubygems.org crates.io golang.org ubuntu.com alpinelinux.org centos.org fedoraproject.org "
            "nvidia.com wandb.ai comet.com neptune.ai mlflow.org amazonaws.com googleapis.com google.com "
            "azure.com windows.net microsoftonline.com microsoft.com snowflakecomputing.com databricks.com "
            "azuredatabricks.net cloudflare.com cloudflarestorage.com kaggle.com zenodo.org tensorflow.org "
            "modelscope.cn sqlalche.me readthedocs.io python.org slack.com sentry.io datadoghq.com "
            "letsencrypt.org pinecone.io qdrant.io"
        )
        | {f"{name}.org" for name in words("pypi npmjs debian")}
    )
)
#: Public services where the host's first part is a customer's.
_ACCOUNT_SUFFIXES = words(
    "amazonaws.com windows.net azure.com snowflakecomputing.com databricks.com azuredatabricks.net pkg.dev"
)
#: Parts of a URL's path that say what was asked for.
_KIND_SEGMENTS = words(
    "api v1 v2 v3 v1beta models datasets spaces resolve revision tree main chat completions embeddings responses "
    "messages repos releases download downloads blob raw simple packages manifests blobs token oauth oauth2 auth "
    "login whoami-v2 whoami actions artifacts runs jobs git issues pulls merges contents xet-read-token commit "
    "batches files upload uploads graphql metadata meta-data iam security-credentials latest pypi pkgs channels "
    "dists pool queries tables search info refs session login-request projects"
)
_TLDS = words(
    "com net org io ai dev cloud local localdomain internal intern lan corp svc cluster example co de fr uk cn jp "
    "nl ch eu ru us edu gov tech xyz br au ca kr tw"
)
_SYSTEM_FOLDERS = ("/usr/", "/lib", "/bin/", "/sbin/", "/dev/", "/proc/", "/sys/", "/etc/", "/var/run/", "/run/")
_URLS = pattern(r"\b[A-Za-z][A-Za-z0-9+.\-]{1,20}://[^\s\"'<>|)\]}`,;\\]+")
_ADDRESSES = pattern(
    r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b",
    r"\b(?:[0-9a-fA-F]{1,4}:){5,7}[0-9a-fA-F]{1,4}\b"
    r"|\b(?:[0-9a-fA-F]{1,4}:){2,6}:(?:[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4}){0,4})?",
)
_EMAILS = pattern(r"[\w.+\-]{1,64}@[\w\-]{1,64}(?:\.[\w\-]{1,64})+")
_PATHS = pattern(
    r"[A-Za-z][A-Za-z0-9+.\-]{1,20}://(?:[^\s\"'<>|)\]}`,;\\]|<path>)*|<path>(?:[/.][\w.\-]+)?",  # done already
    r"(?:^|[\s\"'`=(\[{,:;>|@]|\b[A-Za-z]:|~|\.{1,2})"
    r"[/\\]{1,2}[\w.@%+~\-][\w.@%+~:=\-]*(?:[/\\]{1,2}[\w.@%+=~:\-]+)*[/\\]?",
    r"\b[\w.@+\-]+(?:/[\w.@%+=~\-]+){2,}/?|\b[\w@+\-]+/[\w.@+\-]*[\w\-]\.[A-Za-z][A-Za-z0-9]{1,11}\b",
)
_HOSTS = pattern(r"\b[A-Za-z0-9_][\w\-]*(?:\.[\w\-]+)+\b", r"\bip-\d+-\d+-\d+-\d+\b")


def mask_places(text: str) -> str:
    """The text with `<url>`, `<ip>`, `<host>`, `<path>` and `<email>` for places that belong to one occurrence."""
    if "://" in text:
        text = _URLS.sub(_url, text)
    if "@" in text:
        text = _EMAILS.sub(_email, text)
    if "." in text or "::" in text or text.count(":") > 4:
        text = _ADDRESSES.sub(_address, text)
    if "/" in text or "\\" in text:
        text = _PATHS.sub(_path, text)
    return _HOSTS.sub(_host, text) if "." in text or "ip-" in text else text


def is_public(host: str) -> bool:
    """Whether the host is a public service's."""
    host = host.lower()
    return any(host == suffix or host.endswith("." + suffix) for suffix in _PUBLIC_SUFFIXES)


def _email(_: Match) -> str:
    return "<email>"


def _address(match: Match) -> str:
    found = match[0]
    if found.startswith("127.") or found == "::1":
        return "localhost"
    if found in WELL_KNOWN_ADDRESSES or 0 < found.count(":") < 3:
        return found
    return "<ip>"


def _url(match: Match) -> str:
    found = match[0]
    url = found.rstrip(".:!?*")
    rest = found[len(url) :]
    scheme, _, where = url.partition("://")
    place, slash, path = where.partition("/")
    host = place.rpartition("@")[2].partition(":")[0].partition("?")[0].partition("#")[0]
    if scheme.lower() not in ("http", "https"):
        return f"{scheme.lower()}://<path>{rest}" if where else found
    if host in ("localhost", "127.0.0.1", *WELL_KNOWN_ADDRESSES):
        place = place.rpartition("@")[2].replace("127.0.0.1", "localhost")
        return f"http://{place}{slash}{_segments(path)}{rest}"
    if not is_public(host):
        return f"<url>{rest}"
    return f"https://{_service(host)}{slash}{_segments(path)}{rest}"


def _service(host: str) -> str:
    """The part of a public host that names the service and not the account."""
    host = host.lower()
    suffix = next(suffix for suffix in _PUBLIC_SUFFIXES if host == suffix or host.endswith("." + suffix))
    return suffix if suffix in _ACCOUNT_SUFFIXES or "." in host.removesuffix(suffix).strip(".") else host


def _segments(path: str) -> str:
    path = path.partition("?")[0].partition("#")[0]
    if any(word in path for word in ("docs", "troubleshoot", "errors", "rest/", "help")) or len(path) < 3:
        return path
    kept: list[str] = []
    for segment in path.split("/"):
        name = segment.lower() if segment.lower() in _KIND_SEGMENTS or not segment else "<path>"
        if not (name == "<path>" and kept and kept[-1] == name):
            kept.append(name)
    return "/".join(kept)


def _path(match: Match) -> str:
    found = match[0]
    if "://" in found or found.startswith("<path>"):
        return found
    lead = found[0] if found[0] in " \t\n\r\f\"'`=([{,:;>|@" else ""
    path = found[len(lead) :].rstrip(".:")
    return lead + _mask_path(path) + found[len(lead) + len(path) :]


def _mask_path(path: str) -> str:
    name = path.replace("\\", "/").rstrip("/").rpartition("/")[2]
    if path.startswith(_SYSTEM_FOLDERS) and name and not any(char.isdigit() for char in name):
        return path if path.count("/") <= 2 else f"<path>/{name}"
    library = name.partition(".so")[0]
    if library != name and name.startswith("lib"):
        return f"<path>/{library}.so"
    stem, dot, extension = name.rpartition(".")
    if dot and stem and extension.isalpha() and len(extension) <= 11:
        return f"<path>.{extension.lower()}"
    return "<path>" if len(path) > 2 else path


def _host(match: Match) -> str:
    found = match[0]
    if found.startswith("ip-"):
        return "<host>"
    last = found.rpartition(".")[2]
    if last not in _TLDS or any(part[:1].isupper() for part in found.split(".")[1:]):
        return found
    return _service(found) if is_public(found) else "<host>"
