"""Counts the tables of this example from public records of a wholesaler; run only to make them again.

Source: D. Chen, Online Retail, UCI Machine Learning Repository (2015), CC BY 4.0: all orders of a wholesaler of giftware in the
United Kingdom, December 2010 to December 2011. The file is ecommerce/online_retail_uci/transactions_full.parquet in the folder
that SYNTHOR_DATA names. Here an order is an invoice of a known customer with 1 to 20 lines, each of a product with a price;
cancellations, postage and the like are left out. What kind of product a line is of is read off its description.

    python examples/orders/make_tables.py                      writes tables/*.csv beside this file
    python examples/orders/make_tables.py --microdata FOLDER   writes the recoded records, for `synthor evaluate`
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import polars as pl

HERE = Path(__file__).parent
MOST_LINES = 20

WORDS = {
    "christmas": "CHRISTMAS XMAS ADVENT SANTA REINDEER SNOWFLAKE NATIVITY",
    "bags": r"\bBAGS?\b SHOPPER LUGGAGE PURSE WALLET",
    "lights and candles": "CANDLE T-LIGHT TLIGHT LIGHT LANTERN LAMP INCENSE",
    "kitchen and table": "CAKE BAKING LUNCH MUG CUP PLATE BOWL TEA KITCHEN JAM RECIPE EGG BOTTLE SPOON CUTLERY NAPKIN DISH JUG "
    "GLASS BREAD TRAY APRON OVEN SNACK DOILY DOILEY TUMBLER SUGAR BISCUIT",
    "paper and party": "CARD WRAP PAPER STICKER NOTEBOOK PEN PENCIL RIBBON TISSUE BUNTING PARTY BALLOON GIFT.TAG "
    "TAPE STATIONERY CHALK",
    "toys and children": "TOY CHILD DOLL GAME PUZZLE SKITTLES DOMINO KIDS BABY SPINNING PLAYHOUSE ROCKET SOLDIER PIGGY "
    "PIG.BANK CRAYON",
    "jewellery": r"NECKLACE BRACELET EARRING RING\b BANGLE BROOCH HAIR CHARM BEAD JEWEL TRINKET",
    "garden": "GARDEN PLANT WATERING HERB SEED BIRD PICNIC PARASOL GNOME",
}
"""Words of which each kind of product has one in its description; the first kind that fits counts."""

COUNTRY = {"United Kingdom": "United Kingdom", "Germany": "Germany", "France": "France"}
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def group() -> pl.Expr:
    text, found = pl.col("Description").str.to_uppercase(), pl.lit("home")
    for name, words in reversed(WORDS.items()):
        found = pl.when(text.str.contains(words.replace(" ", "|"))).then(pl.lit(name)).otherwise(found)
    return found


def season() -> pl.Expr:
    month = pl.col("InvoiceDate").dt.month()
    return (
        pl.when(month.is_in([9, 10, 11]))
        .then(pl.lit("September to November"))
        .when(month.is_in([12, 1, 2]))
        .then(pl.lit("December to February"))
        .when(month.is_in([3, 4, 5]))
        .then(pl.lit("March to May"))
        .otherwise(pl.lit("June to August"))
    )


def recoded() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Orders and their lines."""
    lines = pl.read_parquet(Path(os.environ["SYNTHOR_DATA"]) / "ecommerce/online_retail_uci/transactions_full.parquet").filter(
        ~pl.col("InvoiceNo").str.starts_with("C"),
        pl.col("CustomerID").is_not_null(),
        pl.col("Quantity") > 0,
        pl.col("UnitPrice") > 0,
        pl.col("StockCode").str.contains(r"^\d{5}"),
    )
    lines = lines.filter(pl.len().over("InvoiceNo") <= MOST_LINES).sort("InvoiceNo", maintain_order=True)
    first = lines.group_by("InvoiceNo", maintain_order=True).first()
    orders = first.select(
        order_id="InvoiceNo",
        country=pl.col("Country").replace_strict(COUNTRY, default="elsewhere"),
        season=season(),
        weekday=pl.col("InvoiceDate").dt.weekday().replace_strict({i + 1: day for i, day in enumerate(DAYS)}),
        hour=pl.col("InvoiceDate").dt.hour(),
    )
    own = lines.select(
        order_id="InvoiceNo",
        product=group(),
        quantity=pl.col("Quantity").clip(upper_bound=5_000),  # three lines are of more, or dearer, than the spec allows
        price=pl.col("UnitPrice").round(2).clip(upper_bound=300.0),
    )
    return orders, own


def write(name: str, column: pl.Series, title: str) -> None:
    """A one-way table."""
    counted = column.value_counts(name="count").sort(column.name)
    (HERE / "tables" / f"{name}.csv").write_text(f'"{title}"\n' + counted.write_csv(), encoding="utf-8")


def banded(column: pl.Series, edges: Sequence[float], labels: Sequence[str]) -> pl.Series:
    """Numbers in bins that begin at some edges."""
    return column.cut(edges[1:], labels=labels, left_closed=True).cast(pl.String).alias(column.name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--microdata", type=Path, help="folder for the recoded records, in place of the tables")
    folder = parser.parse_args().microdata
    orders, lines = recoded()
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        orders.write_csv(folder / "order.csv")
        lines.with_row_index("line_id").write_csv(folder / "line.csv")
        return
    (HERE / "tables").mkdir(exist_ok=True)
    write("country", orders["country"], "Orders by country of the customer")
    write("season", orders["season"], "Orders by season")
    write("weekday", orders["weekday"], "Orders by day of the week")
    write("hour", banded(orders["hour"], HOURS, HOUR_LABELS), "Orders by hour of the day")
    sizes = lines.group_by("order_id", maintain_order=True).len()["len"].alias("n_lines")
    write("n_lines", banded(sizes, N_LINES, N_LINES_LABELS), "Orders by number of lines")
    write("product", lines["product"], "Lines by kind of product")
    write("quantity", banded(lines["quantity"], QUANTITY, QUANTITY_LABELS), "Lines by quantity")
    write("price", banded(lines["price"], PRICE, PRICE_LABELS), "Lines by unit price, GBP")


HOURS, HOUR_LABELS = [6, 10, 12, 14, 16], ["6-9", "10-11", "12-13", "14-15", "16-20"]
N_LINES, N_LINES_LABELS = [1, 2, 4, 7, 11, 16], ["1", "2-3", "4-6", "7-10", "11-15", "16-20"]
QUANTITY, QUANTITY_LABELS = [1, 2, 4, 7, 13, 25, 100], ["1", "2-3", "4-6", "7-12", "13-24", "25-99", "100+"]
PRICE, PRICE_LABELS = (
    [0, 0.5, 1, 1.5, 2.5, 5, 10],
    ["<0.50", "0.50-0.99", "1.00-1.49", "1.50-2.49", "2.50-4.99", "5.00-9.99", "10+"],
)


if __name__ == "__main__":
    main()
