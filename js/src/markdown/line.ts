/** One line of Markdown, read from the left. Columns are counted with tab stops of four, as CommonMark counts them. */
export class Line {
  private at = 0;
  private column = 0;
  /** Columns that are left of a tab which was read in part. */
  private spare = 0;

  constructor(private readonly text: string) {}

  /** Columns of white space before the next character. */
  get indent(): number {
    let column = this.column + this.spare;
    for (let index = this.at; index < this.text.length; index++) {
      const char = this.text[index];
      if (char === " ") column += 1;
      else if (char === "\t") column += 4 - (column % 4);
      else break;
    }
    return column - this.column;
  }

  /** What is left, without the white space before it. */
  get content(): string {
    let index = this.at;
    while (this.text[index] === " " || this.text[index] === "\t") index += 1;
    return this.text.slice(index);
  }

  get blank(): boolean {
    return this.content === "";
  }

  /** What is left, with the white space before it. */
  get rest(): string {
    return " ".repeat(this.spare) + this.text.slice(this.at);
  }

  /** Pass over white space, at most this many columns. */
  skip(columns: number): void {
    let left = columns;
    while (left > 0) {
      if (this.spare === 0 && !this.readSpace()) return;
      const taken = Math.min(this.spare, left);
      this.spare -= taken;
      this.column += taken;
      left -= taken;
    }
  }

  /** Pass over a marker, and the white space before it. */
  pass(marker: string): void {
    this.skip(Number.POSITIVE_INFINITY);
    this.at += marker.length;
    this.column += marker.length;
  }

  private readSpace(): boolean {
    const char = this.text[this.at];
    if (char !== " " && char !== "\t") return false;
    this.spare = char === " " ? 1 : 4 - (this.column % 4);
    this.at += 1;
    return true;
  }
}
