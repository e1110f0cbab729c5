from proxy.embeddings.numpy_attention import runs


def test_runs_cover_all_rows_in_order() -> None:
    lengths = [2] * 3000 + [30] * 7 + [31] + [256] * 3 + [512]
    at = texts = 0
    for run in runs(lengths, heads=12):
        assert run.start == at
        assert set(lengths[texts : texts + run.texts]) == {run.tokens}
        assert 1 <= run.heads <= 12
        at += run.texts * run.tokens
        texts += run.texts
    assert texts == len(lengths)
    assert at == sum(lengths)


def test_scores_are_bounded_until_one_head_of_one_text_is_more() -> None:
    assert all(run.score_floats <= 1 << 16 for run in runs([3] * 4000 + [250] * 9, heads=12))
    (run,) = runs([512], heads=12)
    assert (run.heads, run.score_floats) == (1, 512 * 512)
