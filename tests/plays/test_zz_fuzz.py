import asyncio, random, os
import orjson, pytest
from proxy.core.event import Bug, AttemptStarted, AttemptEnded, AttemptCancelled
from proxy.core.reply import End, STOPPING
from proxy.core.failure import FailureKind
from tests.clock import settle
from tests.plays.stage import *
from proxy.core.clock import SystemDice

POLICY = """
version: 1
defaults:
  retry: {attempts: ATT, on: [all]}
  timeout: {idle: 5s, total: 40s, first_byte: 10s}
  breaker: {consecutive: 2, open: 7s, probes: PROBES}
  limit: {concurrency: 2, wait: 4s}
  health: {rest: 6s}
upstreams:
  openai: {dialect: openai, url: "https://api.openai.com", prefill: PREF}
  b: {dialect: openai, url: "https://b.example", api_key: k, prefill: PREF}
  c: {dialect: openai, url: "https://c.example", api_key: k}
routes:
  - name: chat
    match: {upstream: openai}
    strategy: STRAT
    EXTRA
    targets: [openai, b, {upstream: c, on: [all]}]
    mid_stream: MODE
    when_all_open: ALLOPEN
    LAST
"""
TEXT = "Grüße, 世界! 🎉 line\nbreak and some more words so that there is something to cut — fin."

def frames(rng, text, finish=True):
    sep = rng.choice([b"\n\n", b"\r\n\r\n", b"\r\r"])
    out = []
    def ev(o):
        out.append(b"data: " + (o if isinstance(o, bytes) else orjson.dumps(o)) + sep)
    ev(ROLE)
    if rng.random() < .3: ev(delta(content=""))
    i = 0
    while i < len(text):
        n = rng.randint(1, 12)
        ev(delta(content=text[i:i+n])); i += n
        if rng.random() < .1: ev(delta())
        if rng.random() < .1: out.append(b": ping" + sep)
    if finish:
        ev(delta(finish="stop"))
        if rng.random() < .5: ev({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}})
        if rng.random() < .8: ev(b"[DONE]")
    return out, sep

def act(rng, stream):
    r = rng.random()
    if r < .08: return Answer(503, error("down"), wait_s=rng.choice([0., 1., 3.]))
    if r < .12: return Answer(429, error("slow", "requests"), {"retry-after": rng.choice(["1", "5", "100"])})
    if r < .15: return Refuse()
    if r < .18: return Refuse(FailureKind.TIMEOUT_CONNECT, sent=False)
    if r < .21: return Silence()
    if r < .23: return Answer(400, error("bad", "invalid_request_error"))
    if r < .25: return Answer(401, error("key", "invalid_request_error", "invalid_api_key"))
    if not stream:
        return Answer(200, said(TEXT), wait_s=rng.choice([0., .5, 2., 6.]))
    text = TEXT if rng.random() < .8 else "Other " + TEXT
    fr, sep = frames(rng, text)
    end = rng.choice(["clean", "clean", "cut", "stall", "error"])
    if end != "clean":
        fr = fr[:rng.randint(1, len(fr) - 1)]
    if end == "error":
        fr.append(b"data: " + orjson.dumps(error("boom")) + sep); end = "clean"
    data = b"".join(fr)
    if end == "cut" and rng.random() < .5: data = data[:-rng.randint(1, 8)]
    chunks = []
    if rng.random() < .5: chunks.append(rng.choice([.5, 2., 4.]))
    i = 0
    while i < len(data):
        n = rng.choice([1, 3, 50, 200, 5000])
        chunks.append(data[i:i+n]); i += n
        if rng.random() < .05: chunks.append(rng.choice([.5, 2.]))
    return Stream(chunks, end=end)

def text_of(seen):
    out = ""
    from proxy.dialects.frames import Frames
    for e in Frames().feed(seen.body + b"\n\n"):
        if e.data.startswith(b"["): continue
        d = orjson.loads(e.data)
        for ch in d.get("choices", []):
            out += ch["delta"].get("content") or ""
    return out

@pytest.mark.parametrize("seed", range(int(os.environ.get("FROM", 0)), int(os.environ.get("FROM", 0)) + int(os.environ.get("N", 300))))
async def test_fuzz(seed):
    rng = random.Random(seed)
    strat = rng.choice(["sequential", "fastest", "load_balanced"])
    extra = ""
    if strat == "fastest":
        extra = rng.choice(["hedge_after: 0s", "hedge_after: 1s", "hedge_after: 1s\n    extra_calls: 1", ""])
    mode = rng.choice(["error", "resume", "hold"])
    pol = (POLICY.replace("ATT", str(rng.choice([1, 2, 3]))).replace("PROBES", str(rng.choice([1, 2]))).replace("PREF", "false")
        .replace("STRAT", strat).replace("EXTRA", extra).replace("MODE", mode).replace("ALLOPEN", rng.choice(["fail", "try"]))
        .replace("LAST", rng.choice(["", "last_resort: mock", "cache: {ttl: 1s, stale_if_error: 1h}", "deadline: 9s"])))
    stream = rng.random() < .6
    play = Play(pol, dice=SystemDice(seed), **{n: [act(rng, stream) for _ in range(400)] for n in ("openai", "b", "c")})
    tasks = []
    async def one(delay):
        await play.clock.sleep(delay)
        headers = {}
        if rng.random() < .3: headers["x-stainless-read-timeout"] = "8"
        if rng.random() < .2: headers["x-understudy-timeout"] = "6"
        return await play._serve(play.asks(stream=stream, headers=headers))
    for k in range(12):
        t = asyncio.create_task(one(rng.choice([0., 0., 1., 2., 5., 9., 15.])))
        tasks.append(t)
        if rng.random() < .2:
            def cut(t=t, w=rng.choice([STOPPING, None])):
                t.cancel(w)
            play.clock.call_later(rng.uniform(0, 12), cut)
    reload_at = rng.random() < .3
    if reload_at:
        play.clock.call_later(3.0, lambda: play.reload(pol.replace("concurrency: 2", "concurrency: 1").replace("open: 7s", "open: 2s")))
    for _ in range(4000):
        await settle()
        if all(t.done() for t in tasks): break
        due = play.clock.next_due
        if due is None:
            raise AssertionError("all wait for nothing")
        if rng.random() < .3: due += rng.uniform(0, .5)
        play.clock.pass_time(due)
    else:
        raise AssertionError("endless")
    await settle()
    bugs = [e for e in play.events if isinstance(e, Bug)]
    assert not bugs, bugs[0].error
    for t in tasks:
        if t.cancelled(): continue
        seen = t.result()
        if stream and seen.status == 200 and seen.headers["x-understudy-source"] == "upstream" and seen.headers["content-type"].startswith("text/event-stream"):
            broke_told = seen.broke is not None
            body = seen.body
            if broke_told and seen.broke.refusal is not None:
                seen.body = body[:len(body) - len(seen.broke.refusal.body)]
            if b'"error"' in seen.body: continue
            text = text_of(seen)
            ok = [TEXT, "Other " + TEXT]
            if seen.end is End.COMPLETE:
                assert text in ok, (text, seen.headers)
            else:
                assert any(o.startswith(text) for o in ok), text
    for name, up in play.program.snapshot.upstreams.items():
        st = play.standings.of(up)
        assert st.places.in_use == 0 and st.places.waiting == 0
        if st.breaker.state == "half_open":
            assert st.breaker._probes._out == 0, (name, st.breaker._probes._out)
        if strat == "load_balanced":
            assert play.loads.of(name, 0).in_flight == 0
    assert all(b.closed for b in play.bodies)
    play.clock.pass_time(1000)
    left = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
    assert not left, left
    # attempts end once
    started = sum(isinstance(e, AttemptStarted) for e in play.events)
    ended = sum(isinstance(e, (AttemptEnded,)) for e in play.events)
    cancelled = sum(isinstance(e, AttemptCancelled) for e in play.events)
    assert started <= ended + cancelled
