/** What we use of anywidget's model. */
export interface Model {
  get(name: string): unknown;
  send(content: unknown): void;
  on(name: "msg:custom", callback: (content: unknown) => void): void;
  off(name: "msg:custom", callback: (content: unknown) => void): void;
}
