/** `magneto/store`: what a store of one's own is written against. */
export {
  StoreError,
  type DamagedPart,
  type OpenedStore,
  type StoreChange,
  type StoredRecord,
  type StoreEngine,
} from './engine.js'
export type { CreateStore, StoreLog, StoreOptions } from './custom.js'
export { LockFile, type Lock } from './lock-file.js'
