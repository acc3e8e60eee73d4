// How the server's Node is started, in production and in the benchmark alike. A small young generation: with thousands of
// agents the server then takes half the memory.
export const serverFlags = ['--max-semi-space-size=16', '--enable-source-maps']
