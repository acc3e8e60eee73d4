/** The tools that the official conformance suite expects of a server under test, as data. */
import {
  CLIENT_CAPABILITIES_META_KEY,
  type CallToolResult,
  type InputRequests,
  MissingRequiredClientCapabilityError,
  acceptedContent,
  createRequestStateCodec,
  inputRequired,
  inputResponse,
} from '@modelcontextprotocol/server'
import type { FixtureContext, FixtureTool } from '../../src/adapters/mcp/fixtures.ts'

export const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='
const SILENCE = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA='

export const stateCodec = createRequestStateCodec({ key: 'conformance fixtures sign their state with this' })

const text = (value: string): CallToolResult => ({ content: [{ type: 'text', text: value }] })
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const nothing = { type: 'object' as const, properties: {} }

type Handle = FixtureTool['handle']
type Schema = FixtureTool['tool']['inputSchema']
const tool = (name: string, handle: Handle, inputSchema: Schema = nothing): [string, FixtureTool] => [
  name,
  { tool: { name, description: `Fixture ${name}.`, inputSchema }, handle },
]

const string = { type: 'string' } as const
const form = (properties: Record<string, object>, required: string[] = []) =>
  ({ type: 'object', properties, required }) as Parameters<typeof inputRequired.elicit>[0]['requestedSchema']
const askName = inputRequired.elicit({
  message: 'What is your name?',
  requestedSchema: form({ name: string }, ['name']),
})
const sample = (prompt: string, maxTokens: number) =>
  inputRequired.createMessage({ messages: [{ role: 'user', content: { type: 'text', text: prompt } }], maxTokens })

/** Asks once, then answers with what came back. */
function asks(request: (input: Record<string, unknown>) => InputRequests[string], label: string): Handle {
  return (input, context) => {
    const answer = inputResponse(context.mcpReq.inputResponses, 'ask')
    if (answer.kind === 'missing') return inputRequired({ inputRequests: { ask: request(input) } })
    if (answer.kind === 'elicit')
      return text(`${label}: action=${answer.action}, content=${JSON.stringify(answer.content ?? {})}`)
    return text(`${label}: ${JSON.stringify(answer)}`)
  }
}

const content: [string, FixtureTool][] = [
  tool('test_simple_text', () => text('This is a simple text response for testing.')),
  tool('test_image_content', () => ({ content: [{ type: 'image', data: PIXEL, mimeType: 'image/png' }] })),
  tool('test_audio_content', () => ({ content: [{ type: 'audio', data: SILENCE, mimeType: 'audio/wav' }] })),
  tool('test_embedded_resource', () => ({
    content: [
      {
        type: 'resource',
        resource: {
          uri: 'test://embedded-resource',
          mimeType: 'text/plain',
          text: 'This is an embedded resource content.',
        },
      },
    ],
  })),
  tool('test_multiple_content_types', () => ({
    content: [
      { type: 'text', text: 'Multiple content types test:' },
      { type: 'image', data: PIXEL, mimeType: 'image/png' },
      {
        type: 'resource',
        resource: {
          uri: 'test://mixed-content-resource',
          mimeType: 'application/json',
          text: '{"test":"data","value":123}',
        },
      },
    ],
  })),
  tool('test_error_handling', () => ({
    ...text('This tool intentionally returns an error for testing'),
    isError: true,
  })),
  tool('json_schema_2020_12_tool', () => text('ok'), {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    $defs: { address: { $anchor: 'addressDef', type: 'object', properties: { street: string, city: string } } },
    properties: {
      name: string,
      address: { $ref: '#/$defs/address' },
      contactMethod: { type: 'string', enum: ['phone', 'email'] },
      phone: string,
      email: string,
    },
    allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
    if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
    // oxlint-disable-next-line unicorn/no-thenable -- the JSON Schema keyword
    then: { required: ['phone'] },
    else: { required: ['email'] },
    additionalProperties: false,
  } as Schema),
  tool('test_x_mcp_header', (input) => text(`region ${String(input['region'])}`), {
    type: 'object',
    properties: { region: { type: 'string', 'x-mcp-header': 'Region' }, note: string },
  } as Schema),
]

const streaming: [string, FixtureTool][] = [
  tool('test_tool_with_logging', async (_input, { mcpReq }) => {
    for (const line of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await mcpReq.log('info', line)
      await pause(50)
    }
    return text('Logged three times.')
  }),
  tool('test_logging_tool', async (_input, { mcpReq }) => {
    await mcpReq.log('info', 'One line')
    return text('Logged.')
  }),
  tool('test_tool_with_progress', async (_input, { mcpReq }) => {
    // oxlint-disable-next-line no-underscore-dangle -- the protocol's name
    const progressToken = mcpReq._meta?.progressToken
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined) {
        await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } })
      }
      await pause(50)
    }
    return text('Done in three steps.')
  }),
  tool('test_reconnection', async (_input, context) => {
    context.http?.closeSSE?.()
    await pause(100)
    return text('Answered after the stream was closed.')
  }),
  tool('test_trigger_tool_change', (_input, { notify }) => {
    notify.toolsChanged()
    return text('Told.')
  }),
  tool('test_trigger_prompt_change', (_input, { notify }) => {
    notify.promptsChanged()
    return text('Told.')
  }),
]

const asking: [string, FixtureTool][] = [
  tool(
    'test_sampling',
    asks((input) => sample(String(input['prompt']), 100), 'LLM response'),
    {
      type: 'object',
      properties: { prompt: string },
      required: ['prompt'],
    },
  ),
  tool(
    'test_elicitation',
    asks((input) => {
      const requestedSchema = form({ username: string, email: string }, ['username', 'email'])
      return inputRequired.elicit({ message: String(input['message']), requestedSchema })
    }, 'User response'),
    { type: 'object', properties: { message: string }, required: ['message'] },
  ),
  tool(
    'test_elicitation_sep1034_defaults',
    asks(() => {
      const requestedSchema = form({
        name: { type: 'string', default: 'John Doe' },
        age: { type: 'integer', default: 30 },
        score: { type: 'number', default: 95.5 },
        status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
        verified: { type: 'boolean', default: true },
      })
      return inputRequired.elicit({ message: 'Defaults', requestedSchema })
    }, 'Elicitation completed'),
  ),
  tool(
    'test_elicitation_sep1330_enums',
    asks(() => {
      const values = [
        { const: 'value1', title: 'First Option' },
        { const: 'value2', title: 'Second Option' },
        { const: 'value3', title: 'Third Option' },
      ]
      const requestedSchema = form({
        untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
        titledSingle: { type: 'string', oneOf: values },
        legacyEnum: {
          type: 'string',
          enum: ['opt1', 'opt2', 'opt3'],
          enumNames: ['Option One', 'Option Two', 'Option Three'],
        },
        untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
        titledMulti: { type: 'array', items: { anyOf: values } },
      })
      return inputRequired.elicit({ message: 'Enums', requestedSchema })
    }, 'Elicitation completed'),
  ),
  tool(
    'test_streaming_elicitation',
    asks(() => askName, 'Streamed'),
  ),
  tool('test_missing_capability', (_input, { mcpReq }) => {
    if (capabilities({ mcpReq })['sampling']) return text('Sampling is there.')
    throw new MissingRequiredClientCapabilityError({ requiredCapabilities: { sampling: {} } })
  }),
]

const rounds: [string, FixtureTool][] = [
  tool('test_input_required_result_elicitation', (_input, { mcpReq }) => {
    const name = acceptedContent(mcpReq.inputResponses, 'user_name')?.['name']
    return typeof name === 'string' ? text(`Hello, ${name}!`) : inputRequired({ inputRequests: { user_name: askName } })
  }),
  tool('test_input_required_result_sampling', (_input, { mcpReq }) => {
    const answer = inputResponse(mcpReq.inputResponses, 'capital_question')
    if (answer.kind === 'sampling') return text(JSON.stringify(answer.result.content))
    return inputRequired({ inputRequests: { capital_question: sample('What is the capital of France?', 100) } })
  }),
  tool('test_input_required_result_list_roots', (_input, { mcpReq }) => {
    const answer = inputResponse(mcpReq.inputResponses, 'client_roots')
    if (answer.kind === 'roots') return text(JSON.stringify(answer.roots))
    return inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } })
  }),
  ...['test_input_required_result_request_state', 'test_input_required_result_tampered_state'].map((name) =>
    tool(name, async (_input, { mcpReq }) => {
      if (mcpReq.requestState() === 'round-1' && mcpReq.inputResponses?.['confirm']) return text('state-ok')
      const requestedSchema = form({ ok: { type: 'boolean' } }, ['ok'])
      const confirm = inputRequired.elicit({ message: 'Please confirm', requestedSchema })
      return inputRequired({ inputRequests: { confirm }, requestState: await stateCodec.mint('round-1') })
    }),
  ),
  tool('test_input_required_result_multiple_inputs', async (_input, { mcpReq }) => {
    const answers = mcpReq.inputResponses ?? {}
    if (['user_name', 'greeting', 'client_roots'].every((key) => key in answers)) return text('All three came.')
    const inputRequests = {
      user_name: askName,
      greeting: sample('Generate a greeting', 50),
      client_roots: inputRequired.listRoots(),
    }
    return inputRequired({ inputRequests, requestState: await stateCodec.mint('all') })
  }),
  tool('test_input_required_result_multi_round', async (_input, { mcpReq }) => {
    const state = mcpReq.requestState()
    if (state === 'step-2' && mcpReq.inputResponses?.['step2']) return text('Both rounds are done.')
    const second = state === 'step-1' && mcpReq.inputResponses?.['step1']
    const step2 = inputRequired.elicit({
      message: 'Step 2: What is your favorite color?',
      requestedSchema: form({ color: string }, ['color']),
    })
    const step1 = inputRequired.elicit({
      message: 'Step 1: What is your name?',
      requestedSchema: form({ name: string }, ['name']),
    })
    const inputRequests: InputRequests = second ? { step2 } : { step1 }
    return inputRequired({ inputRequests, requestState: await stateCodec.mint(second ? 'step-2' : 'step-1') })
  }),
  tool('test_input_required_result_capabilities', (_input, context) => {
    const declared = capabilities(context)
    const inputRequests: InputRequests = {
      ...(declared['sampling'] ? { greeting: sample('Greet', 50) } : {}),
      ...(declared['elicitation'] ? { user_name: askName } : {}),
    }
    return Object.keys(inputRequests).length > 0 ? inputRequired({ inputRequests }) : text('Nothing to ask with.')
  }),
]

function capabilities({ mcpReq }: Pick<FixtureContext, 'mcpReq'>): Record<string, unknown> {
  const envelope: Record<string, unknown> = { ...mcpReq.envelope }
  const declared = envelope[CLIENT_CAPABILITIES_META_KEY]
  return typeof declared === 'object' && declared !== null ? { ...declared } : {}
}

export const CONFORMANCE_TOOLS: ReadonlyMap<string, FixtureTool> = new Map([
  ...content,
  ...streaming,
  ...asking,
  ...rounds,
])
