/** Texts as models write them. */

export const answer = `Here is a **short plan** for smoothing a noisy series, in three steps. The identifier \`window_size\` matters most; \
see [the SciPy docs](https://docs.scipy.org/doc/scipy/reference/signal.html) for the details.

## 1. Choose a kernel

A moving average weighs all samples alike, a Gaussian weighs them by distance \\(d\\):

$$
w(d) = \\frac{1}{\\sqrt{2\\pi\\sigma^2}}\\, e^{-\\frac{d^2}{2\\sigma^2}}
$$

With $\\sigma \\approx 2$ about $95\\,\\%$ of the weight lies within four samples. It costs $5 and saves $6, so to speak.

## 2. Write it down

\`\`\`python
import numpy as np

def smooth(series: np.ndarray, sigma: float = 2.0) -> np.ndarray:
    """Smooth a series with a Gaussian of this width, in samples."""
    reach = int(4 * sigma + 0.5)
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    return np.convolve(series, weights / weights.sum(), mode="same")  # edges fade out
\`\`\`

## 3. Compare

| kernel | reach | cost per sample | edge |
|---|---:|---:|:---:|
| moving average | 9 | 9 | sharp |
| Gaussian | 17 | 17 | soft |
| exponential | ∞ | 2 | one-sided |

- Look at the **residuals**, not only at the curve:
  1. plot them
  2. test them for autocorrelation
- Keep the raw data
- [x] normalise the weights
- [ ] handle missing values

> A smoother that nobody can explain is a smoother that nobody should trust.

![a plot of the result](https://example.org/plots/smoothed.png)

That is all there is to it.
`;

export const thinking = `<think>
The user wants to smooth a series. I should ask how noisy it is, but a Gaussian is a safe default.

1. Kernel: Gaussian, $\\sigma = 2$.
2. Show the code, and a table that compares the choices.
</think>

`;

const PARAGRAPH =
  "The engine reads a **batch** of tokens, and *after each* it looks at the flag `cancelled_up_to`, which only ever grows. A word " +
  "with_under_scores stays whole, 2 * 3 * 4 too, and a link to [the manual](https://example.org/manual?a=1&b=2) is a link. The time " +
  "that a step takes is $t = a + b\\,n$ for a batch of $n$ tokens, where $a$ is about 3 ms.\n\n";
const LIST =
  "1. **First**, open the file:\n   - check that it is there\n   - check its `magic`\n2. Then read the *header*, which says\n   how long it is\n" +
  "3. Last, map the rest\n\n";
const TABLE =
  "| quantity | symbol | value | unit |\n|---|:---:|---:|---|\n| batch | $n_b$ | 2,048 | tokens |\n| micro-batch | $n_u$ | 512 | tokens |\n" +
  "| threads | `n_threads` | 7 | — |\n| rate | $r$ | 41.3 | tokens/s |\n\n";
const CODE =
  '```python\ndef decode(context, batch):\n    """Decode a batch, or say why not."""\n    for index, token in enumerate(batch):\n' +
  '        if context.cancelled:\n            raise Cancelled(f"stopped after {index} tokens")  # partial text is kept\n' +
  "        context.push(token, position=index, logits=index == len(batch) - 1)\n    return context.sample(temperature=0.7, top_p=0.95)\n```\n\n";
const MATH =
  "$$\n\\sum_{k=1}^{n} k^2 = \\frac{n(n+1)(2n+1)}{6}, \\qquad \\int_0^\\infty e^{-x^2}\\,dx = \\frac{\\sqrt{\\pi}}{2}\n$$\n\n";

/** A long answer of this many characters; 80,000 are about 20,000 tokens. */
export function long(characters = 80_000) {
  let text = "";
  for (let section = 1; text.length < characters; section++) {
    text += `## Section ${section}\n\n${PARAGRAPH}${LIST}${PARAGRAPH}${CODE}${TABLE}${PARAGRAPH}${MATH}`;
  }
  return text.slice(0, characters);
}
