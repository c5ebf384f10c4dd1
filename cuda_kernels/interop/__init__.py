"""Arrays that a caller has on the device: layers compute where they lie, on the caller's stream.

``choices``           a stream, and whose products: what a caller may choose
``kinds``             whose arrays there are, where one lies, new ones, and the stream to run on
``dlpack``            what a DLPack capsule says
``resident``          an array on the device with the views and operations that layers need
``guest_machine``     the caller's device and stream, and tables that are kept there
``guest``             a call with such arrays: checked on the way in, made the caller's on the way out
``library_products``  products by the caller's library
"""

from cuda_kernels.interop.choices import on_stream, own_products

__all__ = ["on_stream", "own_products"]
