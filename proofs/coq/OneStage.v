(** Cells of one stage whose own adjoint is right, so that the theorem on the scan is about them. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Refseq Require Import Calculus Units Scan.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory.
Local Open Scope ring_scope.

Section OneStage.

Variable F : realFieldType.
Variables (s slope_s f slope_f psi slope_psi : F -> F).

(** refseq/cells/elman.py: one gate, one state. *)
Definition elman_unit (a : 'I_1 -> F) (_ : 'I_1 -> F) (_ : 'I_0 -> F) (_ : 'I_1) : F := f (a ord0).
Definition elman_back (a : 'I_1 -> F) (_ : 'I_1 -> F) (_ : 'I_0 -> F) (d : 'I_1 -> F) : pulled F 'I_1 'I_1 'I_0 :=
  Pulled (fun=> d ord0 * slope_f (f (a ord0))) (fun=> 0) (fun=> 0).

(** The Elman cell's adjoint is right wherever its activation is differentiable (relu: away from 0).
    Code: refseq/cells/elman.py build; refseq/cells/activated.py activated
    Scope: every ordered field (the real numbers), activation differentiable at the point *)
Theorem elman_cell_is_right a h p : sloped f slope_f (a ord0) -> right_at elman_unit elman_back a h p.
Proof.
move=> sf ca cs cp da ds dp at_a _ _ ma _ _ d; rewrite -at_a in sf.
have := activated_backward (d ord0) sf (ma ord0); rewrite /= !big_ord1 big_ord0 mul0r !addr0 -at_a.
by apply: derivative_ext => r; rewrite big_ord1.
Qed.

(** refseq/cells/lstm.py: the gates i, f, g, o and the states h, c. *)
Let h0 : 'I_2 := ord0.
Let c0 : 'I_2 := lift ord0 ord0.
Let gi : 'I_4 := ord0.
Let gf : 'I_4 := lift ord0 ord0.
Let gg : 'I_4 := lift ord0 (lift ord0 ord0).
Let go : 'I_4 := lift ord0 (lift ord0 (lift ord0 ord0)).

Definition lstm_memory (a : 'I_4 -> F) (st : 'I_2 -> F) : F := s (a gf) * st c0 + s (a gi) * f (a gg).

Definition lstm_unit (a : 'I_4 -> F) (st : 'I_2 -> F) (_ : 'I_0 -> F) (i : 'I_2) : F :=
  if i == h0 then s (a go) * psi (lstm_memory a st) else lstm_memory a st.

Definition lstm_back (a : 'I_4 -> F) (st : 'I_2 -> F) (_ : 'I_0 -> F) (dm : 'I_2 -> F) : pulled F 'I_4 'I_2 'I_0 :=
  let: (i, k, g, o) := (s (a gi), s (a gf), f (a gg), s (a go)) in
  let t := psi (lstm_memory a st) in
  let d := dm c0 + dm h0 * o * slope_psi t in
  Pulled
    (fun x => if x == gi then d * g * slope_s i else if x == gf then d * st c0 * slope_s k
              else if x == gg then d * i * slope_f g else dm h0 * t * slope_s o)
    (fun x => if x == h0 then 0 else d * k) (fun=> 0).

(** The LSTM cell's adjoint is right.
    Code: refseq/cells/lstm.py lstm_cell; refseq/cells/lstm_stages.py together
    Scope: every ordered field (the real numbers), activations differentiable everywhere (tanh, sigmoid, identity) *)
Theorem lstm_cell_is_right a st p :
  (forall z, sloped s slope_s z) -> (forall z, sloped f slope_f z) -> (forall z, sloped psi slope_psi z) ->
  right_at lstm_unit lstm_back a st p.
Proof.
move=> ss sf sp ca cs cp da ds dp at_a at_s at_p ma ms mp dm.
have := @lstm_backward _ s slope_s f slope_f psi slope_psi _ _ _ _ _ _ _ _ _ _ (dm c0) (dm h0)
  (ss _) (ss _) (sf _) (ss _) (sp _) (ma gi) (ma gf) (ma gg) (ma go) (ms c0).
rewrite !at_a !at_s => lstm.
rewrite /= !big_ord_recl !big_ord0 /= !addr0 mul0r add0r !addrA.
by apply: derivative_ext lstm => r; rewrite !big_ord_recl big_ord0 addr0 /= addrC.
Qed.

(** refseq/cells/leaky.py with a learned mu = s(l): one gate, one state, the parameter mu_logit. *)
Definition leaky_unit (a st l : 'I_1 -> F) (_ : 'I_1) : F :=
  s (l ord0) * st ord0 + (1 - s (l ord0)) * f (a ord0).
Definition leaky_back (a st l d : 'I_1 -> F) : pulled F 'I_1 'I_1 'I_1 :=
  let: (mu, g) := (s (l ord0), f (a ord0)) in
  Pulled (fun=> d ord0 * (1 - mu) * slope_f g) (fun=> d ord0 * mu) (fun=> d ord0 * (st ord0 - g) * slope_s mu).

(** The leaky cell's adjoint is right.
    Code: refseq/cells/leaky.py build
    Scope: every ordered field (the real numbers), activations differentiable at the point *)
Theorem leaky_cell_is_right a st l : sloped f slope_f (a ord0) -> sloped s slope_s (l ord0) ->
  right_at leaky_unit leaky_back a st l.
Proof.
move=> sf ss ca cs cp da ds dp at_a at_s at_p ma ms mp d; rewrite -at_a in sf; rewrite -at_p in ss.
have := leaky_backward (d ord0) sf ss (ma ord0) (mp ord0) (ms ord0).
rewrite /= !big_ord1 !at_a !at_s !at_p.
by apply: derivative_ext => r; rewrite big_ord1.
Qed.

(** refseq/cells/lstm_memory.py, coupled: the gates f, g, o, and i = 1 - f. *)
Let kf : 'I_3 := ord0.
Let kg : 'I_3 := lift ord0 ord0.
Let ko : 'I_3 := lift ord0 (lift ord0 ord0).

Definition coupled_memory (a : 'I_3 -> F) (st : 'I_2 -> F) : F := s (a kf) * st c0 + (1 - s (a kf)) * f (a kg).

Definition coupled_unit (a : 'I_3 -> F) (st : 'I_2 -> F) (_ : 'I_0 -> F) (i : 'I_2) : F :=
  if i == h0 then s (a ko) * psi (coupled_memory a st) else coupled_memory a st.

Definition coupled_back (a : 'I_3 -> F) (st : 'I_2 -> F) (_ : 'I_0 -> F) (dm : 'I_2 -> F) : pulled F 'I_3 'I_2 'I_0 :=
  let: (k, g, o) := (s (a kf), f (a kg), s (a ko)) in
  let t := psi (coupled_memory a st) in
  let d := dm c0 + dm h0 * o * slope_psi t in
  Pulled
    (fun x => if x == kf then (d * st c0 - d * g) * slope_s k else if x == kg then d * (1 - k) * slope_f g
              else dm h0 * t * slope_s o)
    (fun x => if x == h0 then 0 else d * k) (fun=> 0).

(** The adjoint of the LSTM cell with coupled gates is right.
    Code: refseq/cells/lstm.py lstm_cell; refseq/cells/lstm_memory.py coupled
    Scope: every ordered field (the real numbers), activations differentiable everywhere (tanh, sigmoid, identity) *)
Theorem coupled_cell_is_right a st p :
  (forall z, sloped s slope_s z) -> (forall z, sloped f slope_f z) -> (forall z, sloped psi slope_psi z) ->
  right_at coupled_unit coupled_back a st p.
Proof.
move=> ss sf sp ca cs cp da ds dp at_a at_s at_p ma ms mp dm.
have := @coupled_backward _ s slope_s f slope_f psi slope_psi _ _ _ _ _ _ _ _ (dm c0) (dm h0)
  (ss _) (sf _) (ss _) (sp _) (ma kf) (ma kg) (ma ko) (ms c0).
rewrite !at_a !at_s => lstm.
rewrite /= !big_ord_recl !big_ord0 /= !addr0 mul0r add0r !addrA.
by apply: derivative_ext lstm => r; rewrite !big_ord_recl big_ord0 addr0 /= addrC.
Qed.

(** refseq/cells/gru.py, reset="after": the pre-activations r, z, n and un, the recurrent product of n (W_hh of n and
    W_hx of un are 0 and do not move); the state h; the parameter b_hn. *)
Let gr : 'I_4 := gi.
Let gz : 'I_4 := gf.
Let gn : 'I_4 := gg.
Let gu : 'I_4 := go.

Definition gru_new (a : 'I_4 -> F) (b : F) : F := f (a gn + s (a gr) * (a gu + b)).

Definition gru_unit (a : 'I_4 -> F) (st b : 'I_1 -> F) (_ : 'I_1) : F :=
  s (a gz) * st ord0 + (1 - s (a gz)) * gru_new a (b ord0).

Definition gru_back (a : 'I_4 -> F) (st b d : 'I_1 -> F) : pulled F 'I_4 'I_1 'I_1 :=
  let: (r, z, n, q) := (s (a gr), s (a gz), gru_new a (b ord0), a gu + b ord0) in
  let dan := d ord0 * (1 - z) * slope_f n in
  Pulled
    (fun x => if x == gr then dan * q * slope_s r else if x == gz then d ord0 * (st ord0 - n) * slope_s z
              else if x == gn then dan else dan * r)
    (fun=> d ord0 * z) (fun=> dan * r).

(** The adjoint of the GRU cell with the reset gate after the product is right.
    Code: refseq/cells/gru.py forward_after, backward_after
    Scope: every ordered field (the real numbers), activations differentiable everywhere (tanh, sigmoid, identity) *)
Theorem gru_cell_is_right a st b :
  (forall z, sloped s slope_s z) -> (forall z, sloped f slope_f z) -> right_at gru_unit gru_back a st b.
Proof.
move=> ss sf ca cs cp da ds dp at_a at_s at_p ma ms mp d.
have := @update_after_backward _ s slope_s f slope_f _ _ _ _ _ _ _ _ _ _ (d ord0)
  (ss _) (ss _) (sf _) (ma gr) (ma gz) (ma gn) (derivative_add (ma gu) (mp ord0)) (ms ord0).
rewrite !at_a !at_s !at_p => gru.
rewrite /= !big_ord_recl !big_ord0 /= !addr0 !addrA.
have -> : forall u v w x y z : F, u + v + w + x + y + z = u + v + w + (x + z) + y.
  by move=> u v w x y z; rewrite -!addrA; congr (_ + (_ + (_ + (_ + _)))); apply: addrC.
rewrite -mulrDr.
by apply: derivative_ext gru => r; rewrite big_ord1.
Qed.

End OneStage.
