/**
 * How the cluster was: a sample each second for ten minutes, and each minute for a day. Pure; the web thread samples.
 * While the master does not answer there is no sample, and none is made up: the times of its neighbours show the gap.
 */
import { ApplicationState, DriverState, WorkerState } from '../../schema/magneto.js'
import type { Sample } from '../api/shapes.js'
import type { ClusterModel } from './cluster-model.js'

export type { Sample } from '../api/shapes.js'

export type Interval = '1s' | '1m'

export const intervalsMs: Readonly<Record<Interval, number>> = { '1s': 1000, '1m': 60_000 }
/** Ten minutes, and a day. */
export const samplesMax: Readonly<Record<Interval, number>> = { '1s': 600, '1m': 1440 }

/** What the model does not know. */
export type SampledFigures = Pick<Sample, 'mainThreadAnswerMs' | 'schedulingP99Us'>

export function sampleOf(model: ClusterModel, figures: SampledFigures): Sample {
  const { totals } = model
  return {
    atMs: model.nowMs,
    cores: totals.cores,
    coresUsed: totals.coresUsed,
    memoryMb: totals.memoryMb,
    memoryUsedMb: totals.memoryUsedMb,
    executors: totals.executors,
    workersAlive: totals.workersIn(WorkerState.ALIVE),
    applicationsActive: model.activeApplications.size,
    applicationsWaiting: totals.applicationsIn(ApplicationState.WAITING),
    driversWaiting: totals.driversIn(DriverState.SUBMITTED),
    ...figures,
  }
}

export class History {
  readonly #samples: Readonly<Record<Interval, Sample[]>> = { '1s': [], '1m': [] }

  /** One that is not later than the one before is left out. */
  add(sample: Sample): void {
    const last = this.#samples['1s'].at(-1)
    if (last !== undefined && last.atMs >= sample.atMs) return
    if (last !== undefined && minuteMs(last) !== minuteMs(sample)) {
      const minute = this.#samples['1s'].filter((one) => minuteMs(one) === minuteMs(last))
      this.#keep('1m', summary(minute))
    }
    this.#keep('1s', sample)
  }

  /** Oldest first. Minutes that are over, each under the time at which it began. */
  samples(interval: Interval): readonly Sample[] {
    return this.#samples[interval]
  }

  #keep(interval: Interval, sample: Sample): void {
    const samples = this.#samples[interval]
    samples.push(sample)
    if (samples.length > samplesMax[interval]) samples.shift()
  }
}

function minuteMs({ atMs }: Sample): number {
  return atMs - (atMs % intervalsMs['1m'])
}

function worst(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value))
}

/** Levels by their mean, rounded; delays by the worst of them. */
function summary(samples: readonly Sample[]): Sample {
  const mean = (of: (sample: Sample) => number) =>
    Math.round(samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length)
  const p99s = samples.flatMap(({ schedulingP99Us }) => schedulingP99Us ?? [])
  return {
    atMs: minuteMs(samples[0]!),
    cores: mean(({ cores }) => cores),
    coresUsed: mean(({ coresUsed }) => coresUsed),
    memoryMb: mean(({ memoryMb }) => memoryMb),
    memoryUsedMb: mean(({ memoryUsedMb }) => memoryUsedMb),
    executors: mean(({ executors }) => executors),
    workersAlive: mean(({ workersAlive }) => workersAlive),
    applicationsActive: mean(({ applicationsActive }) => applicationsActive),
    applicationsWaiting: mean(({ applicationsWaiting }) => applicationsWaiting),
    driversWaiting: mean(({ driversWaiting }) => driversWaiting),
    mainThreadAnswerMs: worst(samples.map(({ mainThreadAnswerMs }) => mainThreadAnswerMs)),
    schedulingP99Us: p99s.length === 0 ? null : worst(p99s),
  }
}
