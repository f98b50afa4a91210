// Whether this tab would rather not host a star: nobody looks at it, or its battery is nearly empty.

const low = 0.2; // of a full battery
/** @type {any} */ let battery = null;

/** @param {() => void} changed called when that may have changed */
export async function watchFitness(changed) {
  document.addEventListener("visibilitychange", changed);
  battery = await /** @type {any} */ (navigator).getBattery?.().catch(() => null); // not every browser tells
  for (const name of ["levelchange", "chargingchange"]) battery?.addEventListener(name, changed);
}

export const isUnfit = () => document.hidden || (battery ? !battery.charging && battery.level < low : false);
