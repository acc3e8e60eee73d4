/**
 * Requests with one credential that arrive while it is being looked up share the next look-up. It begins after each of
 * them came, so what it answers is as fresh as a look-up of their own: a right taken away counts for the next request.
 */
export class SharedLookUp<T> {
  readonly #running = new Map<string, { done: Promise<T>; next: Promise<T> | null }>()

  ask(key: string, look: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key)
    if (!running) return this.#start(key, look)
    running.next ??= settled(running.done).then(() => this.#start(key, look))
    return running.next
  }

  #start(key: string, look: () => Promise<T>): Promise<T> {
    const entry: { done: Promise<T>; next: Promise<T> | null } = { done: look(), next: null }
    this.#running.set(key, entry)
    // Where somebody waits for the next one, that takes this one's place.
    const forget = (): void => {
      if (entry.next === null) this.#running.delete(key)
    }
    entry.done.then(forget, forget)
    return entry.done
  }
}

const settled = (work: Promise<unknown>): Promise<void> =>
  work.then(
    () => undefined,
    () => undefined,
  )
