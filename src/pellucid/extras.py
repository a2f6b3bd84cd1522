"""How an optional part of this package is installed, from where the package itself came."""

from __future__ import annotations


def pip_install(extra: str) -> str:
    """The command that installs an extra: of a checkout, of a wheel or an address, or of an index.

    Installers write down where a distribution came from, unless it was an index (PEP 610).
    """
    import json
    from importlib import metadata
    from pathlib import Path
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    try:
        written = metadata.distribution("pellucid").read_text("direct_url.json")
    except metadata.PackageNotFoundError:  # this is the source itself, which was never installed
        return f"pip install '{Path(__file__).parents[2]}[{extra}]'"
    if written is None:
        return f"pip install 'pellucid[{extra}]'"
    origin = json.loads(written)
    if "dir_info" in origin:
        return f"pip install '{url2pathname(urlsplit(origin['url']).path)}[{extra}]'"
    kind = f"{origin['vcs_info']['vcs']}+" if "vcs_info" in origin else ""
    return f"pip install 'pellucid[{extra}] @ {kind}{origin['url']}'"
