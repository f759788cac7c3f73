"""A question that may hang is asked in a thread, with a deadline, and not piled up."""

import threading
import time

import pytest
from pilothouse_agent.patience import Question

from tests.support.process import eventually


class Server:
    """Answers with a growing number while its gate is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.asked = 0

    def ask(self) -> int:
        self.asked += 1
        self.gate.wait(60)
        return self.asked


@pytest.fixture
def server():
    server = Server()
    yield server
    server.gate.set()


def test_an_answer_in_time_is_returned(server):
    server.gate.set()
    question = Question(server.ask)

    question.start()
    first = question.answer(time.monotonic() + 30)
    question.start()

    assert (first, question.answer(time.monotonic() + 30)) == (1, 2)
    question.close()


def test_a_question_that_hangs_is_asked_once_and_waited_for_once(server):
    question = Question(server.ask)
    question.start()
    with pytest.raises(TimeoutError):
        question.answer(time.monotonic() + 0.02)
    start = time.monotonic()

    for _ in range(5):
        question.start()
        with pytest.raises(TimeoutError):
            question.answer(time.monotonic() + 30)

    assert time.monotonic() - start < 5
    assert server.asked == 1
    question.close()


def test_a_question_that_comes_back_answers_again(server):
    question = Question(server.ask)
    question.start()
    with pytest.raises(TimeoutError):
        question.answer(0)
    server.gate.set()

    def answered():
        question.start()
        return question.answer(time.monotonic() + 1)

    assert eventually(answered, within=10)
    question.close()


def test_what_asking_raises_is_raised_to_the_one_who_waits():
    def ask():
        raise PermissionError(13, "no")

    question = Question(ask)
    question.start()

    with pytest.raises(PermissionError):
        question.answer(time.monotonic() + 30)
    question.close()
