/** Where the control link of a master is. */

/** @param masterUrl spark://host:port @throws Error when that port does not say it */
export async function controlAddress(masterUrl: string): Promise<string> {
  const http = masterUrl.replace('spark://', 'http://')
  const response = await fetch(`${http}/control`)
  if (!response.ok) {
    const said = `${response.status} ${await response.text()}`
    throw new Error(`${masterUrl} does not say where its control link is: ${said}`)
  }
  const answer = (await response.json()) as { port: number; path: string }
  return `ws://${new URL(http).hostname}:${answer.port}${answer.path}`
}
