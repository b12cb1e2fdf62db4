/** Plays random histories at Apache's Master and writes down what it said (recorded.ts). */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ApacheMaster, RELEASE } from './apache-master.js'
import { ApachePlayer } from './apache-player.js'
import { CorePlayer } from './core-player.js'
import { generate } from './generate.js'
import { RECORDED_FOLDER, recordedText } from './recorded.js'
import type { RecordedRow } from './row.js'
import { allSettings } from './run-histories.js'

/** One file for each setting. */
export async function record(count: number, firstSeed: number): Promise<void> {
  const magneto = new CorePlayer()
  const groups = allSettings()
  mkdirSync(RECORDED_FOLDER, { recursive: true })
  for (const [index, settings] of groups.entries()) {
    const master = await ApacheMaster.start(settings)
    try {
      const apache = await ApachePlayer.join(master)
      const texts: string[] = []
      for (let seed = firstSeed + index; seed < firstSeed + count; seed += groups.length) {
        const rows: RecordedRow[] = []
        await apache.reset()
        for (const row of await generate(seed, settings, magneto))
          rows.push({ row, outcome: await apache.play(row) })
        texts.push(recordedText(`seed ${seed}`, settings, rows))
      }
      await apache.close()
      const name = `${settings.get('policy')}-${settings.get('spread') === 'true' ? 'spread' : 'packed'}`
      const head = `# Random histories, and what Apache's Master ${RELEASE} said: test/parity/README.md.\n\n`
      const file = join(RECORDED_FOLDER, `${name.toLowerCase().replaceAll('_', '-')}.txt`)
      writeFileSync(file, head + texts.join('\n'))
      console.log(`${file}: ${texts.length} histories`)
    } finally {
      await master.stop()
    }
  }
}
