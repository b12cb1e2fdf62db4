import type { OpenedStore, StoreEngine } from './engine.js'

/** recoveryMode NONE (spec H7): nothing is kept, so everything is kept at once. */
export class NoStore implements StoreEngine {
  open(): Promise<OpenedStore> {
    return Promise.resolve({ records: [], damaged: [] })
  }

  commit(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
