/** What `import … from 'magneto'` gives. */
export {
  ClusterPool,
  type ClusterPoolEvents,
  type ExecutorInfo,
  type ExecutorRemoval,
  type MapOptions,
  type RunOptions,
} from './cluster-pool.js'
export * from './errors.js'
export type { TaskContext } from './executor-thread.js'
export type { ClusterPoolOptions } from './options.js'
