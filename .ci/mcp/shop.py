# A server of tools, on this port, in both versions of the protocol.

from typing import Annotated, Literal
import asyncio
from fastmcp import FastMCP, Context
from pydantic import BaseModel, Field
mcp=FastMCP("shop", version="1.2.3")
class Order(BaseModel):
    id:int
    total:float
    lines:list[str]
@mcp.tool(annotations={"readOnlyHint":True,"openWorldHint":False,"title":"Find an order"})
def find_order(id: Annotated[int, Field(ge=1, description="Number of the order")]) -> Order:
    "Finds one order of the caller."
    return Order(id=id,total=12.5,lines=["a","b"])
@mcp.tool(annotations={"destructiveHint":True,"idempotentHint":False})
def cancel_order(id:int, reason: Literal["late","wrong","other"]="other") -> str:
    "Cancels an order."
    if id==404: raise ValueError("no such order")
    return f"cancelled {id}: {reason}"
@mcp.tool
async def slow(seconds: float, ctx: Context) -> str:
    "Takes its time."
    try:
        for i in range(10):
            await ctx.report_progress(i,10,f"step {i}")
            await asyncio.sleep(seconds/10)
    except asyncio.CancelledError:
        open("cancelled.txt","a").write("cancelled\n"); raise
    return "done"
@mcp.tool
def big(mib:int) -> str:
    "A large answer."
    return "x"*(mib*1024*1024)
@mcp.tool
def picture() -> list:
    "A picture, a sound and a link."
    from mcp.types import ImageContent, AudioContent, ResourceLink, TextContent, EmbeddedResource
    return [TextContent(type="text",text="here"),ImageContent(type="image",data="iVBORw0KGgo=",mimeType="image/png"),AudioContent(type="audio",data="UklGRg==",mimeType="audio/wav"),ResourceLink(type="resource_link",uri="https://example.com/a.pdf",name="a.pdf",mimeType="application/pdf")]
@mcp.tool
async def ask(ctx: Context) -> str:
    "Asks the person."
    r=await ctx.elicit("How many?", response_type=int)
    return str(r)
import sys
mcp.run(transport="http", host="127.0.0.1", port=int(sys.argv[1]), path="/mcp", stateless_http=(len(sys.argv)>2))
