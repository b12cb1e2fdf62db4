/** Makes two hosts, says which networks they have, and keeps them until it is killed: for hosts.test.ts. */
import { Hosts } from './hosts.js'

void Hosts.start(['delta', 'epsilon'], {}).then(({ networks, folder }) =>
  console.log(JSON.stringify({ networks, folder })),
)
