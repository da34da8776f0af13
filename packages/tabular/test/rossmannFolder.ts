import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Generator } from "@fai/tensor";

const day = 86_400_000;
const iso = (ms: number) => new Date(ms).toISOString().slice(0, 10);

/** The states of the sample, as the files name them. */
export const states = [
  ["NordrheinWestfalen", "NW", "NW"],
  ["Niedersachsen", "HB,NI", "NI"],
  ["Bayern", "BY", "BY"],
] as const;
const first = Date.UTC(2013, 0, 1);
const last = Date.UTC(2015, 6, 31);
const lastTest = Date.UTC(2015, 8, 17);

/** Sales depend on the shop, the weekday and the promotion, with some noise. */
function salesOf(store: number, weekday: number, promo: number, noise: number): number {
  return Math.round((3000 + 900 * store) * (weekday === 6 ? 0.7 : 1) * (promo ? 1.4 : 1) * Math.exp(0.08 * noise));
}

/**
 * A folder with the seven files of the competition and its participants, in exactly their layout (columns, quotes, gaps, an order of days from the
 * last to the first), for a few made-up shops.
 */
export function writeRossmannFolder(folder: string, stores = 6): void {
  mkdirSync(folder, { recursive: true });
  const generator = new Generator(3);
  const write = (name: string, header: string, rows: readonly string[]) =>
    writeFileSync(join(folder, `${name}.csv`), `${[header, ...rows].join("\n")}\n`);
  const shops = Array.from({ length: stores }, (_, i) => i + 1);

  const rowsOf = (from: number, to: number, isTest: boolean): string[] => {
    const rows: string[] = [];
    for (let date = to; date >= from; date -= day) {
      const weekday = ((new Date(date).getUTCDay() + 6) % 7) + 1;
      const promo = weekday <= 5 && Math.floor(date / (9 * day)) % 2 === 0 ? 1 : 0;
      const holiday = /-(01-01|05-01|12-25)$/.test(iso(date)) ? '"a"' : '"0"';
      const school = /-(07|08)-/.test(iso(date)) ? '"1"' : '"0"';
      for (const store of shops) {
        const open = weekday === 7 || holiday !== '"0"' ? 0 : 1;
        const sales = open ? salesOf(store, weekday, promo, generator.normal()) : 0;
        const customers = Math.round(sales / 9);
        const common = `${promo},${holiday},${school}`;
        rows.push(
          isTest
            ? `${rows.length + 1},${store},${weekday},${iso(date)},${store === 2 ? "" : open},${common}`
            : `${store},${weekday},${iso(date)},${sales},${customers},${open},${common}`,
        );
      }
    }
    return rows;
  };
  write(
    "train",
    '"Store","DayOfWeek","Date","Sales","Customers","Open","Promo","StateHoliday","SchoolHoliday"',
    rowsOf(first, last, false),
  );
  write(
    "test",
    '"Id","Store","DayOfWeek","Date","Open","Promo","StateHoliday","SchoolHoliday"',
    rowsOf(last + day, lastTest, true),
  );
  write(
    "store",
    '"Store","StoreType","Assortment","CompetitionDistance","CompetitionOpenSinceMonth","CompetitionOpenSinceYear","Promo2","Promo2SinceWeek","Promo2SinceYear","PromoInterval"',
    shops.map((store) => {
      const distance = store === 3 ? "" : 100 * store;
      const competition = store % 2 === 0 ? "9,2008" : store === 5 ? "2,2014" : ",";
      const promo2 =
        store % 3 === 0 ? '1,13,2010,"Jan,Apr,Jul,Oct"' : store === 4 ? '1,14,2015,"Feb,May,Aug,Nov"' : '0,,,""';
      return `${store},"${"abcd"[store % 4]}","${store % 2 ? "a" : "c"}",${distance},${competition},${promo2}`;
    }),
  );
  write(
    "store_states",
    "Store,State",
    shops.map((store) => `${store},${quoted(states[store % states.length]![1])}`),
  );
  write("state_names", "StateName,State", [
    ...states.map(([name, state]) => `${name},${quoted(state)}`),
    "Bremen,HB", // has no shop of its own
  ]);

  const weeks: string[] = [];
  for (const file of ["Rossmann_DE", ...states.map(([, , short]) => `Rossmann_DE_${short}`)]) {
    for (let sunday = Date.UTC(2012, 11, 2); sunday <= lastTest + 7 * day; sunday += 7 * day)
      weeks.push(`${file},${iso(sunday)} - ${iso(sunday + 6 * day)},${40 + generator.below(60)}`);
  }
  write("googletrend", "file,week,trend", weeks);

  const columns =
    "file,Date,Max_TemperatureC,Mean_TemperatureC,Min_TemperatureC,Dew_PointC,MeanDew_PointC,Min_DewpointC,Max_Humidity,Mean_Humidity,Min_Humidity,Max_Sea_Level_PressurehPa,Mean_Sea_Level_PressurehPa,Min_Sea_Level_PressurehPa,Max_VisibilityKm,Mean_VisibilityKm,Min_VisibilitykM,Max_Wind_SpeedKm_h,Mean_Wind_SpeedKm_h,Max_Gust_SpeedKm_h,Precipitationmm,CloudCover,Events,WindDirDegrees";
  const weather: string[] = [];
  for (const file of [...states.map(([name]) => name), "Bremen"]) {
    for (let date = first; date <= lastTest; date += day) {
      const warm = generator.below(25);
      const cloud = generator.below(9) === 0 ? "NA" : generator.below(8);
      const events = ["", "Rain", "Fog-Rain", "Snow"][generator.below(4)];
      weather.push(
        `${file},${iso(date)},${warm + 5},${warm},${warm - 5},7,5,1,94,87,65,1013,1005,1001,31,12,4,39,26,58,5.08,${cloud},${events},215`,
      );
    }
  }
  write("weather", columns, weather);
}

function quoted(text: string): string {
  return text.includes(",") ? `"${text}"` : text;
}
