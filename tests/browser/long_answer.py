"""The source of an answer of mixed Markdown, as long as one likes, for a kernel."""

__all__ = ["MIXED_MARKDOWN"]

MIXED_MARKDOWN = """
block = '''## Part {n}

Some *words* and **more** of them, a [link](https://example.com), `code` and $x_{n}^2$ in one paragraph.

1. one
2. two
   - nested

| a | b |
|---|---|
| 1 | {n} |

```python
def part_{n}(x):
    return x + {n}
```

'''
def mixed_markdown(characters):
    return "".join(block.replace("{n}", str(n)) for n in range(characters // 100))[:characters]
"""
