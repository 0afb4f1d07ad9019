// What is asked of the page's program: GET asks, POST saves. An answer that is no success is thrown, with all that it says.

const token = document.body.dataset.token;

export async function ask(method, name, who, values) {
  const address = new URL(`/api/${name}`, location.origin);
  const options = { method, headers: { "x-review-token": token } };
  if (method === "GET") for (const [key, value] of Object.entries({ ...values, annotator: who })) address.searchParams.set(key, value);
  else Object.assign(options, { body: JSON.stringify({ ...values, annotator: who }), headers: { ...options.headers, "content-type": "application/json" } });
  let response;
  try {
    response = await fetch(address, options);
  } catch {
    throw Object.assign(new Error("The page's program does not answer. Nothing was saved: keep this tab, start make review again under the same name, and go on."), { gone: true });
  }
  const answer = await response.json().catch(() => ({ error: "The page's program failed: its terminal says why." }));
  if (!response.ok) throw Object.assign(new Error(answer.error), answer);
  return answer;
}
