import torch
from test_triton_attention import random_inputs

from adfast.attention.triton.operator import attention_operator


def test_operator_passes_the_checks_of_torch():
    q, k, v, _, starts = random_inputs(20, (2, 1), 16, True, torch.float32, batch=1)
    q, k, v = (x.requires_grad_() for x in (q, k, v))
    torch.library.opcheck(attention_operator, (q, k, v, starts, 7, 0.25, None, True))


def test_compiled_model_has_no_graph_break():
    q, k, v, d_out, _ = random_inputs(20, (2, 1), 16, False, torch.float32, batch=1)

    def loss(q):
        return (attention_operator(2 * q, k, v, None, 7, 0.25, None, True)[0] * d_out).sum()

    eager, compiled = q.clone().requires_grad_(), q.clone().requires_grad_()
    loss(eager).backward()
    torch.compile(loss, fullgraph=True, backend="aot_eager")(compiled).backward()
    assert compiled.grad.equal(eager.grad)
