// `npm run bench -- [NAME…] [--rounds=N] [--json]`: what the figures in the README come from. Each bench starts its own servers on
// loopback and removes them; progress goes to standard error.
import { parseArguments } from './arguments.ts'
import { dues } from './dues.ts'
import { machine } from './machine.ts'
import { mail } from './mail.ts'
import { provider } from './provider.ts'
import { type Bench, jsonLine, type Result, table } from './results.ts'
import { suspension } from './suspension.ts'
import { web } from './web.ts'

const benches: Record<string, Bench> = { provider, suspension, dues, mail, web }

async function run(argv: readonly string[]): Promise<void> {
  const { names, json, rounds } = parseArguments(argv, Object.keys(benches))
  const where = await machine()
  console.error(where)
  for (const name of names) {
    const began = performance.now()
    const progress = (line: string): void =>
      console.error(`${name} ${((performance.now() - began) / 1000).toFixed(0).padStart(4)} s  ${line}`)
    const results: Result[] = []
    await benches[name]!(
      (result) => {
        if (json) console.log(jsonLine(result))
        else results.push(result)
      },
      progress,
      rounds,
    )
    if (!json) console.log(`${name}: ${where}\n\n${table(results)}\n`)
  }
}

// What was started is ended with the process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
await run(process.argv.slice(2)).catch((error: unknown) => {
  console.error(`bench: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
})
// Whatever a failed run left open must not keep the process: its children end with it.
process.exit()
