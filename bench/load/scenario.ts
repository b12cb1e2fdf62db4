/** The contract between the scenarios, which play workers, applications and drivers, and the harness that runs and samples them. */

/** A master that is measured, as its peers see it. */
export interface MasterUnderTest {
  readonly kind: 'magneto' | 'apache'
  readonly host: string
  /** Of spark://host:port. */
  readonly port: number
  readonly webUiPort: number
  readonly pid: number
}

/** How large the cluster is that a scenario plays; what a scenario does not know, it ignores. */
export interface ScenarioSize {
  readonly workers: number
  /** Operations under way at once. */
  readonly concurrency: number
  /** Operations to be measured. */
  readonly operations: number
  /** Applications that wait on a full cluster. */
  readonly waiting: number
}

/** What one measured run has seen. The harness adds the processor time and the memory of master and generator around it. */
export interface Observed {
  /** How many the processor time is divided by. */
  readonly operations: number
  /** Of the measured part alone, in seconds. */
  readonly seconds: number
  /** Of each operation, in ms; absent where single ones cannot be told apart. */
  readonly latenciesMs?: Float64Array
  /** Moments of this scenario, such as the first LaunchExecutor, in ms since its start. */
  readonly moments?: Readonly<Record<string, number>>
}

/**
 * One row of the table. `prepare` makes the cluster and warms up, `run` is what is sampled and may be called several
 * times, `close` leaves. All reject with a text that says what the master did not do within its time.
 */
export interface Scenario {
  prepare(master: MasterUnderTest, size: ScenarioSize): Promise<void>
  run(): Promise<Observed>
  /** Between two runs, not sampled: undoes what a run has left behind, where it leaves anything. */
  reset?(): Promise<void>
  close(): Promise<void>
}
