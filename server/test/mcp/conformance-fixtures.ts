/** Resources, prompts and completion for the official conformance suite; Breeze itself serves tools only. */
import {
  type InputRequiredResult,
  ResourceNotFoundError,
  acceptedContent,
  inputRequired,
} from '@modelcontextprotocol/server'
import type { Fixtures } from '../../src/adapters/mcp/fixtures.ts'
import { TASK_SOURCE, TASK_TOOLS } from './conformance-tasks.ts'
import { CONFORMANCE_TOOLS, PIXEL, stateCodec } from './conformance-tools.ts'

const STATIC: Record<string, Record<string, string>> = {
  'test://static-text': { mimeType: 'text/plain', text: 'This is the content of the static text resource.' },
  'test://static-binary': { mimeType: 'image/png', blob: PIXEL },
  'test://watched-resource': { mimeType: 'text/plain', text: 'Watched.' },
}

const argument = (name: string) => ({ name, description: `Argument ${name}.`, required: true })
const PROMPTS = [
  { name: 'test_simple_prompt', description: 'A simple prompt.' },
  {
    name: 'test_prompt_with_arguments',
    description: 'With arguments.',
    arguments: [argument('arg1'), argument('arg2')],
  },
  { name: 'test_prompt_with_embedded_resource', description: 'With a resource.', arguments: [argument('resourceUri')] },
  { name: 'test_prompt_with_image', description: 'With an image.' },
  { name: 'test_input_required_result_prompt', description: 'Asks for its context.' },
]

const said = (content: Record<string, unknown>) => ({ role: 'user', content })
const words = (text: string) => said({ type: 'text', text })

function prompt(name: string, args: Record<string, string>) {
  switch (name) {
    case 'test_prompt_with_arguments':
      return [words(`Prompt with arguments: arg1='${args['arg1']}', arg2='${args['arg2']}'`)]
    case 'test_prompt_with_embedded_resource': {
      const resource = {
        uri: args['resourceUri'],
        mimeType: 'text/plain',
        text: 'Embedded resource content for testing.',
      }
      return [said({ type: 'resource', resource }), words('Please process the embedded resource above.')]
    }
    case 'test_prompt_with_image':
      return [said({ type: 'image', data: PIXEL, mimeType: 'image/png' }), words('Please analyze the image above.')]
    default:
      return [words('This is a simple prompt for testing.')]
  }
}

function askForContext(): InputRequiredResult {
  const properties = { context: { type: 'string' as const } }
  const message = 'What context should the prompt use?'
  const requestedSchema = { type: 'object' as const, properties, required: ['context'] }
  return inputRequired({ inputRequests: { user_context: inputRequired.elicit({ message, requestedSchema }) } })
}

function readResource(uri: string) {
  const known = STATIC[uri]
  if (known) return { contents: [{ uri, ...known }] }
  const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1]
  if (id === undefined) throw new ResourceNotFoundError(uri)
  const text = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` })
  return { contents: [{ uri, mimeType: 'application/json', text }] }
}

export const CONFORMANCE_FIXTURES: Fixtures = {
  capabilities: {
    tools: { listChanged: true },
    logging: {},
    completions: {},
    resources: { subscribe: true, listChanged: true },
    prompts: { listChanged: true },
  },
  options: { requestState: { verify: (state, context) => stateCodec.verify(state, context) } },
  tools: new Map([...CONFORMANCE_TOOLS, ...TASK_TOOLS]),
  tasks: TASK_SOURCE,
  methods: {
    'resources/list': () => ({
      resources: Object.entries(STATIC).map(([uri, { mimeType }]) => ({ uri, name: uri, description: uri, mimeType })),
    }),
    'resources/templates/list': () => ({
      resourceTemplates: [{ uriTemplate: 'test://template/{id}/data', name: 'template', description: 'By id.' }],
    }),
    'resources/read': (params) => readResource(String(params['uri'])),
    'resources/subscribe': () => ({}),
    'resources/unsubscribe': () => ({}),
    'prompts/list': () => ({ prompts: PROMPTS }),
    'prompts/get': (params, { mcpReq }) => {
      const name = String(params['name'])
      const asked = name === 'test_input_required_result_prompt'
      if (asked && !acceptedContent(mcpReq.inputResponses, 'user_context')) return askForContext()
      return { messages: prompt(name, (params['arguments'] ?? {}) as Record<string, string>) }
    },
    'completion/complete': () => ({ completion: { values: ['paris', 'park', 'party'], total: 3, hasMore: false } }),
  },
}
