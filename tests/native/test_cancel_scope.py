from hypothesis import given
from hypothesis import strategies as st

from cyllama_jupyter._native.cancel import CancelScope, CancelToken


@given(st.lists(st.sampled_from(["issue", "cancel", "cancel newest"])))
def test_a_cancel_hits_what_was_issued_before_it_and_nothing_later(steps: list[str]) -> None:
    scope = CancelScope()
    tokens: list[CancelToken] = []
    expected: list[bool] = []
    for step in steps:
        if step == "issue":
            tokens.append(scope.issue())
            expected.append(False)
        elif step == "cancel":
            scope.cancel()
            expected = [True] * len(expected)
        elif tokens:
            tokens[-1].cancel()
            expected[-1] = True
        assert [token.cancelled for token in tokens] == expected


def test_requested_is_true_from_cancel_until_the_next_call() -> None:
    scope = CancelScope()
    assert not scope.requested
    scope.cancel()
    assert scope.requested
    token = scope.issue()
    assert not scope.requested
    assert not token.cancelled
    token.cancel()
    assert not scope.requested


def test_a_token_outlives_the_name_of_its_scope() -> None:
    token = CancelScope().issue()
    assert not token.cancelled
