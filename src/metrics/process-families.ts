/** What the operating system knows of this process, under the names that Prometheus' own libraries give it. */
import type { Sampled } from './family.js'

const US_PER_S = 1_000_000
const MS_PER_S = 1000

/** Reckoned once: a start that moved would look like another process. */
const STARTED_S = Math.round(Date.now() - process.uptime() * MS_PER_S) / MS_PER_S

export function processFamilies(): Sampled[] {
  const { user, system } = process.cpuUsage()
  return [
    {
      family: {
        name: 'process_resident_memory_bytes',
        type: 'gauge',
        unit: 'bytes',
        help: 'Resident memory of the daemon.',
      },
      samples: [['', process.memoryUsage.rss()]],
    },
    {
      family: {
        name: 'process_cpu_seconds_total',
        type: 'counter',
        unit: 'seconds',
        help: 'Processor time of the daemon, user and system, all threads.',
      },
      samples: [['', (user + system) / US_PER_S]],
    },
    {
      family: {
        name: 'process_start_time_seconds',
        type: 'gauge',
        unit: 'seconds',
        help: 'When the daemon was started, since the epoch.',
      },
      samples: [['', STARTED_S]],
    },
  ]
}
