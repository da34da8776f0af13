import type { Page } from "playwright-core";

/** Everything that went wrong on a page, and every address outside of it that it asked for; empty when all is well. */
export function watch(page: Page, url: string): string[] {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(`${message.type()}: ${message.text()}`);
  });
  page.on("request", (request) => {
    const address = request.url();
    if (![url, "data:", "blob:"].some((own) => address.startsWith(own))) problems.push(`asked for ${address}`);
  });
  return problems;
}

/** Draws a circle on the pad with the mouse. */
export async function drawCircle(page: Page): Promise<void> {
  const box = (await page.locator("#pad").boundingBox())!;
  const at = (share: number): [number, number] => [
    box.x + box.width * (0.5 + 0.3 * Math.cos(2 * Math.PI * share)),
    box.y + box.height * (0.5 + 0.3 * Math.sin(2 * Math.PI * share)),
  ];
  await page.mouse.move(...at(0));
  await page.mouse.down();
  for (let i = 1; i <= 40; i++) await page.mouse.move(...at(i / 40));
  await page.mouse.up();
}

/** Controls of a page without a name that a screen reader could say. */
export function nameless(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("button, input, canvas[tabindex], svg[role=img]")]
      .filter((element) => {
        const labels = element instanceof HTMLInputElement ? [...(element.labels ?? [])] : [];
        const said = [element.getAttribute("aria-label"), element.textContent, ...labels.map((it) => it.textContent)];
        return !said.some((text) => text?.trim());
      })
      .map((element) => element.outerHTML),
  );
}
