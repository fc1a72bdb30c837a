"""What Python's own readers find in an archive: name, bytes, SHA-256 and what must not vary."""
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import zipfile

path = sys.argv[1]
members = []


def add(name, data, **more):
    members.append({"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), **more})


if path.endswith(".zip"):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        for info in archive.infolist():
            with archive.open(info) as member:
                start = archive.fp.tell()
                data = member.read()
            # Where the local header ends.
            with open(path, "rb") as file:
                file.seek(info.header_offset + 26)
                name, extra = int.from_bytes(file.read(2), "little"), int.from_bytes(file.read(2), "little")
            add(info.filename, data, offset=info.header_offset + 30 + name + extra,
                stored=info.compress_type == zipfile.ZIP_STORED, time=list(info.date_time),
                mode=info.external_attr >> 16)
else:
    file = open(path, "rb")
    if path.endswith(".zst"):
        file = io.BytesIO(subprocess.run(["zstd", "-dcq", path], check=True, capture_output=True).stdout)
    with tarfile.open(fileobj=file) as archive:
        for info in archive:
            assert info.isreg() and (info.uid, info.gid, info.uname, info.gname) == (0, 0, "", "")
            add(info.name, archive.extractfile(info).read(), offset=info.offset_data, time=info.mtime, mode=info.mode)
print(json.dumps({"members": members}))
