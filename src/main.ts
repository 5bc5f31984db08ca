#!/usr/bin/env node
// The entry of the program. Everything else is under src/cli/.
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

// A command is short: half of its time would be reading the program. The cache lies with the program, never in a folder
// that other users of the machine can write; where it cannot be written, nothing is lost but time.
enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/compile'))

// oidc-provider warns of every Node that its list does not know yet; this one is tried (docs/decisions).
const { warn } = console
console.warn = (...words: unknown[]) => {
  if (!String(words[0]).includes('Unsupported runtime')) warn(...words)
}

const { run } = await import('./cli/program.ts')
process.exitCode = await run(process.argv.slice(2), {
  out: process.stdout,
  err: process.stderr,
  in: process.stdin,
  env: process.env,
})
