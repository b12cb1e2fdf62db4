/** A task of ha_client.mjs. */
export default async function late({ number, ms }) {
  await new Promise((done) => setTimeout(done, ms))
  return number
}
