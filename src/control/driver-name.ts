/**
 * `spark.master.useDriverIdAsAppName.enabled` (spec P30): a driver's id is the name of its application. The id is
 * made by the core, which looks into no command; so the command says where it belongs, and whoever starts the driver,
 * our worker or the gateway for an Apache Worker, puts it in.
 */
import { JvmCommandT } from '../schema/magneto.js'

const NAME_OPTION = '-Dspark.app.name='
const NAME_ARGUMENT = 'spark.app.name='
const PLACEHOLDER = '{{DRIVER_ID}}'
const SPARK_SUBMIT = 'org.apache.spark.deploy.SparkSubmit'

/** Of DriverWrapper: the worker's URL, the jar, the class that is run, what that gets. */
const CLASS_AT = 2
const NAME_AT = 4

/** @returns the command with the place for its driver's id, where Spark's Master puts it */
export function namedByDriverId(command: JvmCommandT): JvmCommandT {
  const named = `${NAME_ARGUMENT}${PLACEHOLDER}`
  let args = [...command.args]
  if (args[CLASS_AT] === SPARK_SUBMIT) {
    args = args[NAME_AT]?.startsWith(NAME_ARGUMENT)
      ? args.with(NAME_AT, named)
      : args.toSpliced(CLASS_AT + 1, 0, '-c', named)
  }
  const others = command.javaOptions.filter((option) => !option.startsWith(NAME_OPTION))
  return new JvmCommandT(
    command.mainClass,
    args,
    command.environment,
    command.classPath,
    command.libraryPath,
    [...others, `${NAME_OPTION}${PLACEHOLDER}`],
    command.sparkVersion,
  )
}

/** @returns the command with its driver's id where `namedByDriverId` made a place for it */
export function withDriverId(command: JvmCommandT, driverId: string): JvmCommandT {
  const filled = (text: string): string => {
    const isName = text === NAME_ARGUMENT + PLACEHOLDER || text === NAME_OPTION + PLACEHOLDER
    return isName ? text.replace(PLACEHOLDER, () => driverId) : text
  }
  return new JvmCommandT(
    command.mainClass,
    command.args.map(filled),
    command.environment,
    command.classPath,
    command.libraryPath,
    command.javaOptions.map(filled),
    command.sparkVersion,
  )
}
