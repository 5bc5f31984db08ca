// Load on a target: a few lanes that each ask again as soon as they were answered, for a short while.
import { readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'

export type Window = {
  /** Steps done a second. */
  rate: number
  /** Of each step, in milliseconds. */
  latencies: number[]
  /** CPU milliseconds that the server spent on a step, all its threads together. */
  cpuMs: number
}

const TICK_MS = 10

/** CPU milliseconds that a process has used since it began (proc(5): utime and stime, in ticks). */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

/** Every lane repeats `step` until `ms` have passed. A step that fails fails the window: refusals are no throughput. */
export async function load<Lane>(
  lanes: readonly Lane[],
  step: (lane: Lane) => Promise<void>,
  ms: number,
  pid: number,
): Promise<Window> {
  const latencies: number[] = []
  const cpuBefore = cpuMsOf(pid)
  const began = performance.now()
  const run = async (lane: Lane): Promise<void> => {
    for (let at = performance.now(); at < began + ms; ) {
      await step(lane)
      const now = performance.now()
      latencies.push(now - at)
      at = now
    }
  }
  await Promise.all(lanes.map(run))
  return {
    rate: (latencies.length * 1000) / (performance.now() - began),
    latencies,
    cpuMs: (cpuMsOf(pid) - cpuBefore) / latencies.length,
  }
}
