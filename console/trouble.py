"""The one way in which a request ends without an answer."""

from console.words import words


class Trouble(Exception):
    """A request cannot be answered: status and the word of the catalogue that says why, about `what`."""

    def __init__(self, status: int, word: str, what: object = "") -> None:
        super().__init__(word)
        self.status, self.word, self.what = status, word, what

    def sentence(self, language: str) -> str:
        return str(getattr(words(language), self.word)).format(self.what)
