"""/api/v1: what the pages show, for scripts, in the words of the contract. Unknown is null, never 0."""

from fastapi import APIRouter

router = APIRouter(prefix="/api/v1")
