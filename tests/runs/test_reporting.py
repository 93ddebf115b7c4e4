"""What a run tells of itself."""

from flare_core.runs.report_page.curves import settled


def test_success_is_shown_once_its_running_mean_is_whole() -> None:
    log = [{"episodes": ended, "success": 0.5} for ended in (3, 150, 200, 260)]
    assert [record["success"] for record in settled(log)] == [None, None, 0.5, 0.5]
    assert settled(log[:2]) == log[:2]  # a short run shows what it has
    assert settled([]) == []
