"""`python -m tests.bench [PART …]`: everything, or single parts, at full or at smaller size."""

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from energy.refused import Refused
from tests.bench import intake
from tests.bench.figures import Figure, table
from tests.bench.nation import Nation
from tests.bench.stand import Stand, stand
