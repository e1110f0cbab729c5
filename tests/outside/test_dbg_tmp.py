import pytest
from tests.outside.test_clients import *
from tests.outside.test_clients import _run
@pytest.mark.parametrize("way", list(Way))
@pytest.mark.parametrize("name", ["WithHttpClient.java","with_anthropic.py","with_undici.mjs","with_axios.mjs","with_wget.sh"])
def test_dbg(name, way, door, pairs, workshop, tmp_path):
    client=[c for c in CLIENTS if c.program==name][0]
    pair=pairs[client.family]
    script = [Held() if asked is STREAM else GOOD for asked in client.asks]
    pair.first.plays(*script, ServerError(503)); pair.other.plays(GOOD)
    hearing = Hearing([f for f in script if isinstance(f, Held)])
    status, err = _run(workshop.command(client.program)+client.words(way), client.environ(way, door), hearing, tmp_path)
    print("=====", name, way, status, err[-300:])
    for r in (pair.first.requests[0], pair.other.requests[0]):
        print(r.method, r.target, r.version, "conn", r.connection); [print("   ", *f) for f in r.fields]
@pytest.fixture(scope="module", autouse=True)
def log(door):
    yield
    import glob
    print("LOG")
    for f in glob.glob(str(door.wgetrc.parent/"state"/"stderr*")): print(open(f).read()[-6000:])
