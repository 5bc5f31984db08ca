// HTML by tagged template: every value is escaped unless it is HTML already.

export type Html = { readonly markup: string }
type Value = Html | string | number | false | null | undefined | readonly Value[]

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => entities[sign]!)

const render = (value: Value): string => {
  if (value === false || value === null || value === undefined) return ''
  if (typeof value === 'object') return 'markup' in value ? value.markup : value.map(render).join('')
  return escaped(String(value))
}

/** `html\`<p>${text}</p>\``: text is escaped, nested HTML is not, lists are joined, nothing and false are empty. */
export const html = (strings: TemplateStringsArray, ...values: Value[]): Html => ({
  markup: strings.reduce((text, part, at) => text + part + (at < values.length ? render(values[at]) : ''), ''),
})

/** Markup that this program made itself, such as the SVG of a QR code. */
export const trusted = (markup: string): Html => ({ markup })
