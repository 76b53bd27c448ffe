/** A block and its element. */
import type { Block } from "../markdown/block";

export abstract class Mount {
  private readonly shape: string;
  /** The block as it was when it was closed; it is not looked at again. */
  settled: Block | null = null;

  constructor(
    block: Block,
    readonly element: HTMLElement,
  ) {
    this.shape = shapeOf(block);
  }

  /** Show the block as it is now. */
  abstract update(block: Block): void;

  fits(block: Block): boolean {
    return this.shape === shapeOf(block);
  }
}

/** What an element is made by; when any of it changes, the element is made anew. */
function shapeOf({ id, kind, level, info, ordered, start, aligns }: Block): string {
  return `${id} ${kind} ${level} ${info} ${ordered} ${start} ${aligns}`;
}

/** The children of a block. Those that are closed and shown are passed over, so the cost is that of what is new. */
export class Children {
  private readonly mounts: Mount[] = [];

  constructor(
    private readonly parent: HTMLElement,
    private readonly make: (block: Block) => Mount,
  ) {}

  get last(): Mount | undefined {
    return this.mounts.at(-1);
  }

  update(blocks: Block[]): void {
    for (let index = this.firstUnsettled(blocks); index < blocks.length; index++) {
      this.show(blocks[index] as Block, index);
    }
    while (this.mounts.length > blocks.length) this.mounts.pop()?.element.remove();
  }

  private firstUnsettled(blocks: Block[]): number {
    let index = Math.min(this.mounts.length, blocks.length);
    while (index > 0 && this.mounts[index - 1]?.settled !== blocks[index - 1]) index -= 1;
    return index;
  }

  private show(block: Block, index: number): void {
    const known = this.mounts[index];
    const mount = known?.fits(block) ? known : this.make(block);
    if (mount !== known) this.put(mount, index);
    mount.update(block);
    mount.settled = block.open ? null : block;
  }

  private put(mount: Mount, index: number): void {
    const known = this.mounts[index];
    if (known) known.element.replaceWith(mount.element);
    else this.parent.append(mount.element);
    this.mounts[index] = mount;
  }
}
