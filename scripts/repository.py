"""What the checking scripts share: where the repository is and which files it has."""
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOT_OURS = {".git", "build", "__pycache__", ".cache"}


def files(root=ROOT):
    """Paths of all regular files below root, relative to it, without what is built."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in NOT_OURS]
        for name in set(names) - NOT_OURS:
            path = pathlib.Path(folder, name)
            if path.is_file() and not path.is_symlink():
                found.append(path.relative_to(root))
    return sorted(found)
