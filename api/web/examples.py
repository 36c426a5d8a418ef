"""Three failures to try Ask with: one that passes when retried, two that fail again until something changes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Example:
    """A failure as a newcomer might paste it."""

    key: str
    title: str
    text: str


EXAMPLES = (
    Example(
        key="slow-down",
        title="Storage sheds load",
        text="""Traceback (most recent call last):
  File "/app/train/export.py", line 88, in upload_shard
    s3.put_object(Bucket=bucket, Key=key, Body=shard)
botocore.exceptions.ClientError: An error occurred (SlowDown) when calling the \
PutObject operation (reached max retries: 4): Please reduce your request rate.""",
    ),
    Example(
        key="missing-column",
        title="A column went missing",
        text="""Traceback (most recent call last):
  File "/app/features/build.py", line 41, in build_features
    features = frame[["merchant_code", "amount", "country"]]
  File "/usr/lib/python3.11/site-packages/pandas/core/frame.py", line 4108, in __getitem__
    indexer = self.columns._get_indexer_strict(key, "columns")[1]
  File "/usr/lib/python3.11/site-packages/pandas/core/indexes/base.py", line 6249, in _raise_if_missing
    raise KeyError(f"{not_found} not in index")
KeyError: "['merchant_code'] not in index\"""",
    ),
    Example(
        key="out-of-memory",
        title="A container ran out of memory",
        text="pod train-7f9c2 in the namespace ml: container trainer was OOMKilled (exit code 137) in step features",
    ),
)


def example_of(key: str | None) -> Example | None:
    """The example of that key."""
    return next((each for each in EXAMPLES if each.key == key), None)
