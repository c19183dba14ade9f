"""Sources as clients of the server send them."""
import io
import tarfile


def packed(folder):
    """The folder as a tar.gz."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for path in sorted(folder.rglob("*")):
            tar.add(path, path.relative_to(folder).as_posix(), recursive=False)
    return data.getvalue()
