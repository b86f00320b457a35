"use strict";
// Runs the compiler off the page's own thread: a request in, its answer out.
const compiler = fetch("compiler.wasm")
  .then(response => {
    if (!response.ok) throw new Error(`compiler.wasm: ${response.status}`);
    return response.arrayBuffer();
  })
  .then(bytes => WebAssembly.instantiate(bytes, {}))
  .then(({ instance }) => instance.exports);

onmessage = async ({ data: { id, request } }) => {
  try {
    const { memory, reserve, respond, output } = await compiler;
    const bytes = new TextEncoder().encode(request);
    const place = reserve(bytes.length);
    new Uint8Array(memory.buffer, place, bytes.length).set(bytes);
    const length = respond();
    const answer = new Uint8Array(memory.buffer, output(), length);
    postMessage({ id, answer: new TextDecoder().decode(answer) });
  } catch (error) {
    // After a trap, the memory may hold anything: the page starts another worker.
    postMessage({ id, error: String(error) });
  }
};
