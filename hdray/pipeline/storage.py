"""Files on a disk or in a bucket, through fsspec: whole-object reads and writes that are never seen half done."""

import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from hdray.errors import UserError

if TYPE_CHECKING:
    import fsspec
    import pyarrow.fs


def resolve(url: str, option: str = "a path") -> str:
    """An absolute path or an s3:// URL without a trailing slash.

    Relative paths are of the working directory; in a submitted Ray job, whose working directory is a package that Ray
    deletes, they are of $HDRAY_ROOT or else of ~/hdray. Raises UserError for a scheme that is not supported, and for
    nothing, which would be the working directory; `option` is what gave it.
    """
    if not url:
        raise UserError(f"{option} is empty, as by a variable of the shell that is not set; give a path or s3:// URL")
    scheme, separator, rest = url.partition("://")
    if separator:
        if scheme not in ("s3", "file"):
            raise UserError(f"{url} has the scheme {scheme}://; hdray reads and writes local paths and s3:// URLs")
        return url.rstrip("/") if scheme == "s3" else os.path.abspath(rest)
    root = Path.cwd()
    if "working_dir_files" in root.parts and not (root / url).exists():
        root = Path(os.environ.get("HDRAY_ROOT", "~/hdray")).expanduser()
    return os.path.abspath(root / Path(url).expanduser())


def is_remote(url: str) -> bool:
    """Whether the URL is of a bucket rather than of a disk."""
    return "://" in url


def join(url: str, *parts: str) -> str:
    """The URL of something below `url`."""
    return "/".join((url, *parts))


def filesystem(url: str) -> "fsspec.AbstractFileSystem":
    """The fsspec filesystem of a resolved URL; S3 endpoint and credentials come from the usual AWS_* variables."""
    import fsspec

    return fsspec.filesystem("s3" if is_remote(url) else "file")


def arrow_filesystem(url: str) -> "tuple[pyarrow.fs.FileSystem, str]":
    """The pyarrow filesystem of a resolved URL, and the path on it: what Ray reads and writes through."""
    from pyarrow.fs import FileSystem, LocalFileSystem

    if is_remote(url):
        return FileSystem.from_uri(url)
    return LocalFileSystem(), url


def read_bytes(url: str) -> bytes:
    """The whole object; raises FileNotFoundError where there is none."""
    return filesystem(url).cat_file(url)


def write_bytes(url: str, content: bytes) -> None:
    """Write the whole object at once: a reader sees the old content or the new, never a part."""
    files = filesystem(url)
    if is_remote(url):
        files.pipe_file(url, content)
        return
    Path(url).parent.mkdir(parents=True, exist_ok=True)
    partial = f"{url}.{uuid.uuid4().hex}.partial"
    Path(partial).write_bytes(content)
    os.replace(partial, url)


def create_bytes(url: str, content: bytes) -> bool:
    """Write the object only if there is none, in one step; False if there is (on a bucket, a conditional write)."""
    if is_remote(url):
        try:
            filesystem(url).pipe_file(url, content, mode="create")
        except FileExistsError:
            return False
        return True
    Path(url).parent.mkdir(parents=True, exist_ok=True)
    partial = f"{url}.{uuid.uuid4().hex}.partial"
    Path(partial).write_bytes(content)
    try:
        os.link(partial, url)  # fails where the name is taken, and shows the content at once
    except FileExistsError:
        return False
    finally:
        os.unlink(partial)
    return True


def exists(url: str) -> bool:
    """Whether there is an object (or a folder with something in it) at the URL; never answered from a cache."""
    files = filesystem(url)
    files.invalidate_cache()
    return bool(files.exists(url))


def list_files(url: str) -> dict[str, tuple[int, float]]:
    """Every file below the URL: path relative to it, to its size in bytes and the time it was last modified.

    In order of the paths; empty where there is nothing.
    """
    files = filesystem(url)
    files.invalidate_cache()
    root = url.partition("://")[2] if is_remote(url) else url
    listed = {}
    for path, details in sorted(files.find(root, detail=True).items()):
        # On a disk also when the file was put there: copying and unpacking keep the time its content was written.
        on_disk = "mtime" in details
        modified = max(details["mtime"], details["created"]) if on_disk else details["LastModified"].timestamp()
        listed[path[len(root) :].lstrip("/")] = (int(details["size"]), float(modified))
    return listed


def remove(url: str) -> None:
    """Delete the object or the whole folder at the URL, if it is there."""
    files = filesystem(url)
    files.invalidate_cache()
    if files.exists(url):
        files.rm(url, recursive=True)
